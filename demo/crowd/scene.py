"""What a crowded picture holds: things of one to nine cells on a textured ground, one by one.

Unlike the scenes of ``demo/scenes.py`` nothing is bound to a cell: things of seven sizes stand on
any point of a lattice of half a token, touch, overlap, and small ones lie on large ones. Later
things are drawn over earlier ones.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..shapes import COLOUR_NAMES, SHAPES

CANVAS = 192  # pixels along one side, if no other is asked for
LATTICE = 8  # pixels: centres lie on its points, half a token apart
SMALL, MIDDLE, LARGE = (14.0, 18.0), (24.0, 32.0), (40.0, 48.0, 64.0)  # one, four, nine cells
SIZES = ((SMALL, 0.55), (MIDDLE, 0.3), (LARGE, 0.15))
WIDEST = 0.36  # radius, as a share of the picture's side
PATTERNS = ("plain", "shaded", "striped", "cored")
PATTERN_SHARES = (0.5, 0.2, 0.15, 0.15)
TRIES = 12

Colour = tuple[float, float, float]
Target = tuple[int, int]
Targets = Mapping[int, Target]


@dataclass(frozen=True)
class Thing:
    """One object.

    Attributes:
        shape, colour: indices into SHAPES and COLOUR_NAMES; the colour of most of its pixels.
        x, y, radius: in pixels.
        pattern: one of PATTERNS.
        second: the pattern's other colour.
        angle: the pattern's direction in radians.
    """

    shape: int
    colour: int
    x: float
    y: float
    radius: float
    pattern: str = "plain"
    second: int = 0
    angle: float = 0.0

    def distance(self, other: Thing) -> float:
        """Pixels between the centres."""
        return math.hypot(self.x - other.x, self.y - other.y)


@dataclass(frozen=True)
class Ground:
    """What is behind the things.

    Attributes:
        corners: colours at the picture's corners, in reading order.
        grain: amplitude of the smooth noise, 0 for none.
        cells: of the noise's lattice along one side.
        stripes: amplitude of broad stripes, 0 for none.
        seed: of the noise.
    """

    corners: tuple[Colour, ...]
    grain: float = 0.0
    cells: int = 8
    stripes: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Scene:
    """A square picture's things, in the order in which they are drawn, its ground and side."""

    things: tuple[Thing, ...]
    ground: Ground
    side: int = CANVAS

    def edited(self, targets: Targets) -> Scene:
        """The scene with some things, by their number, become plain ones of (shape, colour)."""
        things = list(self.things)
        for number, (shape, colour) in targets.items():
            things[number] = replace(things[number], shape=shape, colour=colour, pattern="plain")
        return replace(self, things=tuple(things))


Allowed = Callable[[Thing, Thing], bool]


def sample_ground(rng: random.Random) -> Ground:
    """A muted gradient, mostly with smooth noise, sometimes with stripes."""
    base = rng.uniform(0.3, 0.5)

    def colour() -> Colour:
        red, green, blue = (base + rng.uniform(-0.12, 0.12) for _ in range(3))
        return red, green, blue

    corners = tuple(colour() for _ in range(4))
    grain = rng.choice((0.0, rng.uniform(0.02, 0.08)))
    stripes = rng.uniform(0.02, 0.05) if rng.random() < 0.3 else 0.0
    return Ground(corners, grain, rng.choice((4, 6, 8, 12)), stripes, rng.randrange(2**31))


def sample_radius(rng: random.Random, side: int) -> float:
    """Mostly one cell, sometimes up to nine."""
    (radii,) = rng.choices([radii for radii, _ in SIZES], [share for _, share in SIZES])
    return rng.choice([radius for radius in radii if radius <= WIDEST * side])


def lattice_point(low: float, high: float, rng: random.Random) -> float:
    """A random multiple of LATTICE in [low, high]; the one nearest to their middle without any."""
    first, last = math.ceil(low / LATTICE), math.floor(high / LATTICE)
    if first > last:
        return float(round((low + high) / 2 / LATTICE) * LATTICE)
    return float(rng.randint(first, last) * LATTICE)


def sample_look(rng: random.Random, colour: int) -> dict[str, Any]:
    """Pattern, its other colour and its direction."""
    (pattern,) = rng.choices(PATTERNS, PATTERN_SHARES)
    second = (colour + 1 + rng.randrange(len(COLOUR_NAMES) - 1)) % len(COLOUR_NAMES)
    return {"pattern": pattern, "second": second, "angle": rng.uniform(0, 2 * math.pi)}


def stand_together(one: Thing, other: Thing) -> bool:
    """Whether both can be told: apart, touching with a little overlap, or small on large."""
    gap = one.distance(other)
    small, large = sorted((one.radius, other.radius))
    nested = small <= 0.5 * large and gap <= large - 0.8 * small
    return gap >= 0.85 * (small + large) or nested


def place_thing(
    thing: Thing,
    things: Iterable[Thing],
    rng: random.Random,
    allowed: Allowed = stand_together,
    side: int = CANVAS,
) -> Thing | None:
    """The thing at a random place inside the picture that all others allow, or None."""
    others = list(things)
    for _ in range(TRIES):
        low, high = thing.radius, side - thing.radius
        x, y = (lattice_point(low, high, rng) for _ in range(2))
        moved = replace(thing, x=x, y=y)
        if all(allowed(moved, other) for other in others):
            return moved
    return None


def sample_scene(rng: random.Random, wanted: int, same_shape: int = 0, side: int = CANVAS) -> Scene:
    """A random scene.

    Args:
        wanted: things; fewer where they find no room.
        same_shape: so many of them at most are of one class, the others of other classes; 0: by
            chance.
        side: of the picture in pixels.
    """
    common = rng.randrange(len(SHAPES))
    radii = sorted((sample_radius(rng, side) for _ in range(wanted)), reverse=True)
    alike = set(rng.sample(range(wanted), min(same_shape, wanted)))
    things: list[Thing] = []
    for number, radius in enumerate(radii):
        other = (common + 1 + rng.randrange(len(SHAPES) - 1)) % len(SHAPES)
        shape = common if number in alike else other if same_shape else rng.randrange(len(SHAPES))
        colour = rng.randrange(len(COLOUR_NAMES))
        thing = Thing(shape, colour, 0.0, 0.0, radius, **sample_look(rng, colour))
        placed = place_thing(thing, things, rng, side=side)
        things += [placed] if placed else []
    return Scene(tuple(things), sample_ground(rng), side)
