"""Things of one class in one picture, each with an instruction by class alone."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from ..instructions import Clause, phrase, prompt
from ..shapes import COLOUR_NAMES, LOCATIONS, SHAPES
from .scene import Scene, Target, Thing, place_thing, sample_ground, sample_look
from .wording import EDGE, THIRD, place_of


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
        places = [(place_of(self.scene.things[number]), clause) for number, clause in pairs]
        return [replace(clause, location=place) for place, clause in places]


def new_thing(rng: random.Random, shape: int, radius: float) -> Thing:
    """A thing of this class and size, not yet placed."""
    colour = rng.randrange(len(COLOUR_NAMES))
    return Thing(shape, colour, 0.0, 0.0, radius, **sample_look(rng, colour))


def in_place(thing: Thing, place: int, rng: random.Random) -> Thing:
    """The thing well inside a third of the picture."""
    row, column = divmod(place, 3)
    margin = max(thing.radius, EDGE)

    def along(third: int) -> float:
        low, high = third * THIRD + margin, (third + 1) * THIRD - margin
        return rng.uniform(min(low, high), max(low, high))

    return replace(thing, x=along(column), y=along(row))


def conflict_of(things: list[Thing], instances: int, rng: random.Random) -> Conflict:
    """The first ``instances`` things of one class get targets of other classes, all different.

    Smaller things are drawn over larger ones.
    """
    common, order = things[0].shape, sorted(range(len(things)), key=lambda i: -things[i].radius)
    others = [shape for shape in range(len(SHAPES)) if shape != common]
    pairs = [(shape, colour) for shape in others for colour in range(len(COLOUR_NAMES))]
    targets = rng.sample(pairs, instances)
    while any(t[1] == thing.colour for t, thing in zip(targets, things, strict=False)):
        targets = rng.sample(pairs, instances)
    scene = Scene(tuple(things[index] for index in order), sample_ground(rng))
    numbers = tuple(order.index(index) for index in range(instances))
    return Conflict(scene, numbers, tuple(Clause(common, None, None, *t) for t in targets))


def conflict_apart(rng: random.Random, instances: int, bystanders: int = 3) -> Conflict:
    """Up to nine instances of similar size, each alone of its class in its third of the picture.

    Bystanders are of other classes and stand where there is room.
    """
    common = rng.randrange(len(SHAPES))
    places = rng.sample(range(len(LOCATIONS)), instances)
    things = [in_place(new_thing(rng, common, rng.uniform(14, 26)), p, rng) for p in places]
    for _ in range(bystanders):
        other = (common + 1 + rng.randrange(len(SHAPES) - 1)) % len(SHAPES)
        placed = place_thing(new_thing(rng, other, rng.uniform(13, 20)), things, rng)
        things += [placed] if placed else []
    return conflict_of(things, instances, rng)
