"""Things of one class in one picture, each with an instruction by class alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..instructions import Clause, phrase, prompt
from ..shapes import COLOUR_NAMES, LOCATIONS, SHAPES
from .scene import (
    CANVAS,
    LARGE,
    SMALL,
    Allowed,
    Scene,
    Target,
    Thing,
    lattice_point,
    place_thing,
    sample_ground,
    sample_look,
)
from .wording import EDGE, place_of

RESTARTS, PATIENCE = 200, 60
THIRD = CANVAS / 3
ROOM = 8.0  # pixels around a thing for its mask
FEW = (18.0, 24.0)  # radii, more than a token, where up to nine instances share a picture


@dataclass(frozen=True)
class Conflict:
    """A scene whose ``numbers`` shall become their clauses' targets.

    Attributes:
        numbers: of the instances among the scene's things, in the instructions' order.
        clauses: by class alone: every one of them fits every instance.
    """

    scene: Scene
    numbers: tuple[int, ...]
    clauses: tuple[Clause, ...]

    @property
    def targets(self) -> dict[int, Target]:
        """What each instance shall become."""
        pairs = zip(self.numbers, self.clauses, strict=True)
        return {number: (clause.target_shape, clause.target_colour) for number, clause in pairs}

    @property
    def instructions(self) -> list[str]:
        """One per instance, e.g. "replace the circle with a red square"."""
        return [phrase(clause) for clause in self.clauses]

    @property
    def instructions_with_places(self) -> list[str]:
        """The same with the place of each: "replace the circle at top left with .."."""
        return [phrase(clause) for clause in self._placed]

    @property
    def joined(self) -> str:
        """All instructions in one prompt."""
        return prompt(self.clauses)

    @property
    def joined_with_places(self) -> str:
        """All instructions in one prompt, each with its place."""
        return prompt(self._placed)

    @property
    def _placed(self) -> list[Clause]:
        pairs = zip(self.numbers, self.clauses, strict=True)
        places = [
            (place_of(self.scene.things[number], self.scene.side), clause)
            for number, clause in pairs
        ]
        return [replace(clause, location=place) for place, clause in places]


def new_thing(rng: random.Random, shape: int, radius: float, but: int | None = None) -> Thing:
    """A thing of this class and size, not yet placed, of any colour but one."""
    colour = rng.choice([colour for colour in range(len(COLOUR_NAMES)) if colour != but])
    return Thing(shape, colour, 0.0, 0.0, radius, **sample_look(rng, colour))


def in_place(thing: Thing, place: int, rng: random.Random) -> Thing:
    """The thing well inside a third of the picture, with room for its mask."""
    row, column = divmod(place, 3)
    margin = max(thing.radius + ROOM, EDGE)

    def along(third: int) -> float:
        low, high = third * THIRD + margin, (third + 1) * THIRD - margin
        return lattice_point(min(low, high), max(low, high), rng)

    return replace(thing, x=along(column), y=along(row))


def conflict_of(
    things: list[Thing], instances: int, rng: random.Random, colourful: bool = False
) -> Conflict:
    """The first ``instances`` things of one class get targets of other classes, all different.

    Smaller things are drawn over larger ones. ``colourful`` targets have different colours too, so
    that one can be seen on another.
    """
    order = sorted(range(len(things)), key=lambda index: -things[index].radius)
    targets = sample_targets(things[:instances], rng)
    while colourful and len({colour for _, colour in targets}) < instances:
        targets = sample_targets(things[:instances], rng)
    scene = Scene(tuple(things[index] for index in order), sample_ground(rng))
    numbers = tuple(order.index(index) for index in range(instances))
    clauses = tuple(Clause(things[0].shape, None, None, *target) for target in targets)
    return Conflict(scene, numbers, clauses)


def sample_targets(things: Sequence[Thing], rng: random.Random) -> list[Target]:
    """A different target for each thing, of another class than all and another colour than it."""
    others = [shape for shape in range(len(SHAPES)) if shape != things[0].shape]
    pairs = [(shape, colour) for shape in others for colour in range(len(COLOUR_NAMES))]
    while True:
        targets = rng.sample(pairs, len(things))
        if all(t[1] != thing.colour for t, thing in zip(targets, things, strict=True)):
            return targets


def conflict_apart(rng: random.Random, instances: int, bystanders: int = 3) -> Conflict:
    """Up to nine instances of similar size, each alone of its class in its third of the picture.

    Bystanders are of other classes and stand where there is room, apart from all others.
    """
    common = rng.randrange(len(SHAPES))
    places = rng.sample(range(len(LOCATIONS)), instances)
    things = [in_place(new_thing(rng, common, rng.choice(FEW)), p, rng) for p in places]
    for _ in range(bystanders):
        other = (common + 1 + rng.randrange(len(SHAPES) - 1)) % len(SHAPES)
        bystander = new_thing(rng, other, rng.choice(SMALL))
        placed = place_thing(bystander, things, rng, stand_apart)
        things += [placed] if placed else []
    return conflict_of(things, instances, rng)


def stand_apart(one: Thing, other: Thing) -> bool:
    """Whether there is ground between both, whatever they become."""
    return one.distance(other) >= 1.1 * (one.radius + other.radius) + 2


def touch(one: Thing, other: Thing) -> bool:
    """Whether both overlap a little."""
    return 0.8 <= one.distance(other) / (one.radius + other.radius) <= 0.95


def lies_on(small: Thing, large: Thing) -> bool:
    """Whether the small thing is within the large one."""
    return small.distance(large) <= large.radius - small.radius


def place_all(
    radii: Sequence[float], rng: random.Random, partner: Allowed | None = None
) -> list[Thing]:
    """Things of one class, apart from each other, but for pairs where ``partner`` is given.

    Args:
        partner: how each thing of the second half stands to its mate in the first half.

    Raises:
        ValueError: there is no room for so many.
    """
    common, pairs = rng.randrange(len(SHAPES)), len(radii) // 2 if partner else len(radii)
    for _ in range(RESTARTS):
        things: list[Thing] = []
        for number, radius in enumerate(radii):
            mate = things[number - pairs] if partner and number >= pairs else None
            thing = new_thing(rng, common, radius, but=mate.colour if mate else None)
            placed = _place_beside(thing, things, mate, partner, rng)
            if placed is None:
                break
            things.append(placed)
        if len(things) == len(radii):
            return things
    raise ValueError(f"no room for {len(radii)} things with radii up to {max(radii):.0f} pixels.")


def _place_beside(
    thing: Thing,
    things: Sequence[Thing],
    mate: Thing | None,
    partner: Allowed | None,
    rng: random.Random,
) -> Thing | None:
    """The thing as ``partner`` wants it to its mate, and apart from all others."""

    def allowed(one: Thing, other: Thing) -> bool:
        return partner(one, other) if partner and other is mate else stand_apart(one, other)

    for _ in range(PATIENCE):
        if placed := place_thing(thing, things, rng, allowed):
            return placed
    return None


def conflict_touching(rng: random.Random, instances: int) -> Conflict:
    """Pairs of instances that overlap a little; an even number."""
    radii = [rng.choice(FEW) for _ in range(instances)]
    return conflict_of(place_all(radii, rng, touch), instances, rng, colourful=True)


def conflict_nested(rng: random.Random, instances: int) -> Conflict:
    """Pairs of a large instance and a small one on it; an even number."""
    radii = [LARGE[0]] * (instances // 2) + [SMALL[0]] * (instances // 2)
    return conflict_of(place_all(radii, rng, lies_on), instances, rng, colourful=True)


def conflict_many(rng: random.Random, instances: int) -> Conflict:
    """Ten and more small instances, apart from each other, anywhere."""
    return conflict_of(place_all([SMALL[0]] * instances, rng), instances, rng)
