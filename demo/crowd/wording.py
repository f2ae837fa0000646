"""What an instruction means in a crowded picture.

As in the data that public editors learn from, there is one clause, and it edits what catches the
eye: of all things that it fits, those at least SALIENT times as large as the largest of them. A
small one beside a large one is overlooked, unless the words name it alone by colour or place.
"""

from __future__ import annotations

import random

from ..instructions import DESCRIPTIONS, Clause, clause_for
from ..shapes import COLOUR_NAMES, LOCATIONS, SHAPES
from .scene import Scene, Target, Thing

SALIENT = 2 / 3
BORDERLINE = (0.58, 0.76)  # relative sizes that training leaves out: neither small nor large
EDGE = 5.0  # pixels: centres so close to the border of two places have no clear one


def place_of(thing: Thing, side: int) -> int:
    """The third by third of the picture that holds the thing's centre, an index of LOCATIONS."""
    row, column = (min(2, int(3 * v / side)) for v in (thing.y, thing.x))
    return 3 * row + column


def has_clear_place(thing: Thing, side: int) -> bool:
    """Whether the centre is well inside its third."""
    offsets = [abs(v - border) for v in (thing.x, thing.y) for border in (side / 3, 2 * side / 3)]
    return min(offsets) >= EDGE


def fits(clause: Clause, thing: Thing, side: int) -> bool:
    """Whether the clause's description is true of the thing."""
    return (
        thing.shape == clause.shape
        and clause.colour in (None, thing.colour)
        and clause.location in (None, place_of(thing, side))
    )


def matches(scene: Scene, clause: Clause) -> list[int]:
    """Numbers of the things that the clause fits, salient or not."""
    return [number for number, thing in enumerate(scene.things) if fits(clause, thing, scene.side)]


def relative_sizes(scene: Scene, numbers: list[int]) -> list[float]:
    """Their radii as shares of the largest of them."""
    radii = [scene.things[number].radius for number in numbers]
    return [radius / max(radii) for radius in radii]


def meant(scene: Scene, clause: Clause) -> list[int]:
    """Numbers of the things that the clause edits."""
    found = matches(scene, clause)
    sizes = relative_sizes(scene, found)
    return [number for number, size in zip(found, sizes, strict=True) if size >= SALIENT]


def is_clear(scene: Scene, clause: Clause) -> bool:
    """Whether nobody could doubt which things are meant."""
    low, high = BORDERLINE
    if any(low < size < high for size in relative_sizes(scene, matches(scene, clause))):
        return False
    alike = (t for t in scene.things if t.shape == clause.shape)
    return clause.location is None or all(has_clear_place(t, scene.side) for t in alike)


def targets_of(scene: Scene, clause: Clause) -> dict[int, Target]:
    """What the clause makes of which things; of none that is so already."""
    target = (clause.target_shape, clause.target_colour)
    plain = [t.pattern == "plain" and (t.shape, t.colour) == target for t in scene.things]
    return {number: target for number in meant(scene, clause) if not plain[number]}


def sample_clause(scene: Scene, rng: random.Random, unique: bool = False) -> Clause | None:
    """A clear clause about a random thing, or None if no description of any of them is clear.

    Args:
        unique: it fits one thing only.
    """
    numbers = list(range(len(scene.things)))
    for number in rng.sample(numbers, len(numbers)):
        thing = scene.things[number]
        for names in rng.sample(DESCRIPTIONS, len(DESCRIPTIONS)):
            clause = clause_for(rng, thing.shape, thing.colour, place_of(thing, scene.side), *names)
            if is_clear(scene, clause) and not (unique and len(matches(scene, clause)) > 1):
                return clause
    return None


def absent_clause(scene: Scene, rng: random.Random) -> Clause | None:
    """A clause that fits nothing in the picture; None when twenty draws found none."""
    for _ in range(20):
        shape, colour, place = map(rng.randrange, map(len, (SHAPES, COLOUR_NAMES, LOCATIONS)))
        clause = clause_for(rng, shape, colour, place, *rng.choice(DESCRIPTIONS))
        if not matches(scene, clause):
            return clause
    return None
