"""The leak benchmark's scenes are what its figures take them for."""

from __future__ import annotations

import pytest
import torch

from instance_edit.benchmarks.leak.conflicts import LeakScene, bounding_box, join_edits, leak_scenes
from instance_edit.demo.instructions import matches
from instance_edit.demo.scenes import CELLS
from instance_edit.demo.shapes import LOCATIONS
from instance_edit.evaluation.metrics import mae_background

EVERY_N = range(1, CELLS + 1)


@pytest.mark.parametrize("instances", EVERY_N)
def test_every_instruction_fits_every_instance_and_asks_for_something_else(instances: int) -> None:
    for scene in leak_scenes(instances, 10):
        for clause in scene.clauses:
            assert set(matches(scene.scenes, 0, clause)) == set(scene.cells.tolist())
        targets = {(clause.target_shape, clause.target_colour) for clause in scene.clauses}
        assert len(targets) == instances
        assert all(clause.target_shape != clause.shape for clause in scene.clauses)
        asked = [
            (int(scene.edits.shape[0, cell]), int(scene.edits.colour[0, cell]))
            for cell in scene.cells.tolist()
        ]
        own = scene.scenes.colour[0, scene.cells].tolist()
        assert all(colour != before for (_, colour), before in zip(asked, own, strict=True))
        assert asked == [(clause.target_shape, clause.target_colour) for clause in scene.clauses]
        bystanders = int((scene.scenes.shape >= 0).sum()) - instances
        assert min(1, CELLS - instances) <= bystanders <= 3


def test_the_scenes_are_always_the_same() -> None:
    first, again = leak_scenes(3, 4), leak_scenes(3, 4)
    assert all(torch.equal(a.picture, b.picture) for a, b in zip(first, again, strict=True))
    assert [a.joined for a in first] == [b.joined for b in again]
    assert len({scene.joined for scene in first}) == 4


def test_locations_in_words_are_those_of_the_instances() -> None:
    (scene,) = leak_scenes(4, 1)
    parts = scene.joined_with_locations.split(" and ")
    for part, cell, plain in zip(parts, scene.cells.tolist(), scene.instructions, strict=True):
        place = f" at {LOCATIONS[cell]} with "
        assert place in part
        assert part.replace(place, " with ") == plain
    assert scene.joined == " and ".join(scene.instructions)


@pytest.mark.parametrize("instances", [2, 9])
def test_a_perfect_edit_leaves_the_background_as_it_was(instances: int) -> None:
    for scene in leak_scenes(instances, 5):
        assert mae_background(scene.picture, scene.wanted, scene.background).item() == 0.0
        assert not torch.equal(scene.picture, scene.wanted)
        assert 0.1 < scene.background.float().mean() < 0.95


def test_masks_and_boxes_hold_their_instances() -> None:
    for scene in leak_scenes(5, 5):
        assert (scene.masks >= scene.silhouettes).all()
        assert (scene.masks.sum((2, 3)) > scene.silhouettes.sum((2, 3))).all()
        assert scene.silhouettes.sum(1).max() == 1
        assert not (scene.background[:, None] & scene.masks).any()
        for (x1, y1, x2, y2), mask in zip(scene.boxes, scene.silhouettes[0], strict=True):
            assert mask[y1:y2, x1:x2].sum() == mask.sum()
            assert mask[y1, :].any() and mask[y2 - 1, :].any()
            assert mask[:, x1].any() and mask[:, x2 - 1].any()


def test_an_empty_mask_has_no_box() -> None:
    with pytest.raises(ValueError, match="mask is empty"):
        bounding_box(torch.zeros(4, 4, dtype=torch.bool))


@pytest.mark.parametrize("instances", [0, 10])
def test_a_scene_has_one_to_nine_instances(instances: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 9, got {instances}"):
        leak_scenes(instances, 1)


def test_scenes_are_joined_in_order() -> None:
    parts: list[LeakScene] = leak_scenes(3, 3)
    scenes, edits = join_edits(parts)
    assert len(scenes) == 3
    for index, part in enumerate(parts):
        assert torch.equal(scenes.shape[index], part.scenes.shape[0])
        assert torch.equal(edits.colour[index], part.edits.colour[0])
