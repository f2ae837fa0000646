"""Conflicting instructions in crowded pictures are what the figures take them for."""

from __future__ import annotations

import random

import pytest

from instance_edit.demo.crowd.conflicts import conflict_apart
from instance_edit.demo.crowd.wording import matches, place_of


@pytest.mark.parametrize("instances", [1, 5, 9])
def test_every_instruction_fits_every_instance_and_places_tell_them_apart(instances: int) -> None:
    for seed in range(10):
        conflict = conflict_apart(random.Random(seed), instances)
        for clause in conflict.clauses:
            assert set(matches(conflict.scene, clause)) == set(conflict.numbers)
            assert clause.target_shape != clause.shape
        assert len(set(conflict.targets.values())) == instances
        places = {place_of(conflict.scene.things[number]) for number in conflict.numbers}
        assert len(places) == instances
        assert conflict.joined.count("replace") == instances
        assert conflict.joined_with_places.count(" at ") == instances
        for number, (_, colour) in conflict.targets.items():
            assert conflict.scene.things[number].colour != colour
