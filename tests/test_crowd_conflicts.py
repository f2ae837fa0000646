"""Conflicting instructions in crowded pictures are what the figures take them for."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from instance_edit.demo.crowd.conflicts import (
    Conflict,
    conflict_apart,
    conflict_many,
    conflict_nested,
    conflict_touching,
    lies_on,
    place_all,
    stand_apart,
    touch,
)
from instance_edit.demo.crowd.scene import Thing
from instance_edit.demo.crowd.wording import matches, place_of

EVERY = (
    *((conflict_apart, number) for number in (1, 5, 9)),
    *((conflict_many, number) for number in (10, 14)),
    (conflict_touching, 4),
    (conflict_nested, 4),
)


def instances_of(conflict: Conflict) -> list[Thing]:
    return [conflict.scene.things[number] for number in conflict.numbers]


@pytest.mark.parametrize(("make", "instances"), EVERY)
def test_every_instruction_fits_every_instance_and_asks_for_something_else(
    make: type, instances: int
) -> None:
    for seed in range(8):
        conflict = make(random.Random(seed), instances)
        for clause in conflict.clauses:
            assert set(matches(conflict.scene, clause)) == set(conflict.numbers)
            assert clause.target_shape != clause.shape
        assert len(set(conflict.targets.values())) == instances
        for number, (_, colour) in conflict.targets.items():
            assert conflict.scene.things[number].colour != colour
        assert conflict.joined == " and ".join(conflict.instructions)
        assert conflict.joined_with_places == " and ".join(conflict.instructions_with_places)


@pytest.mark.parametrize("instances", [1, 5, 9])
def test_places_tell_instances_that_stand_apart(instances: int) -> None:
    for seed in range(8):
        conflict = conflict_apart(random.Random(seed), instances)
        assert len({place_of(thing, 192) for thing in instances_of(conflict)}) == instances
        assert len(set(conflict.instructions_with_places)) == instances


def test_touching_and_nested_instances_are_pairs() -> None:
    for seed in range(8):
        for make, relation in ((conflict_touching, touch), (conflict_nested, lies_on)):
            things = sorted(instances_of(make(random.Random(seed), 4)), key=lambda t: t.radius)
            near = [pair for pair in combinations(things, 2) if relation(*pair)]
            assert len(near) == 2 and all(a.colour != b.colour for a, b in near)
            assert sum(stand_apart(a, b) for a, b in combinations(things, 2)) == 4


def test_many_instances_stand_apart() -> None:
    things = instances_of(conflict_many(random.Random(1), 12))
    assert all(stand_apart(one, other) for one, other in combinations(things, 2))


def test_too_many_for_the_picture_are_refused() -> None:
    with pytest.raises(ValueError, match="no room for 6 things with radii up to 80 pixels"):
        place_all([80.0] * 6, random.Random(1))
