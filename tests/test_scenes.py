"""The procedural scenes: reproducible, consistent with their masks, edited only where named."""

from __future__ import annotations

import random

import pytest
import torch

from instance_edit.demo.instructions import (
    Clause,
    edits_of,
    matches,
    phrase,
    prompt,
    sample_clauses,
)
from instance_edit.demo.recognition import recognise
from instance_edit.demo.scenes import (
    CELLS,
    Edits,
    Scenes,
    apply_edits,
    cell_masks,
    object_masks,
    render,
    render_background,
    sample_scenes,
)


def scenes_of(seed: int, count: int = 12, **options: int) -> Scenes:
    return sample_scenes(count, torch.Generator().manual_seed(seed), **options)


def test_a_seed_gives_the_same_scenes_again() -> None:
    first, second, other = scenes_of(1), scenes_of(1), scenes_of(2)
    assert torch.equal(render(first), render(second))
    assert not torch.equal(first.corners, other.corners)


def test_the_number_of_objects_stays_in_its_range() -> None:
    counts = (scenes_of(3, 200, min_objects=3, max_objects=5).shape >= 0).sum(1)
    assert set(counts.tolist()) == {3, 4, 5}


@pytest.mark.parametrize("same", [2, 3, 9])
def test_exactly_as_many_objects_share_a_class_as_asked(same: int) -> None:
    scenes = scenes_of(4, 50, min_objects=2, max_objects=9, same_shape=same)
    for shapes in scenes.shape:
        assert torch.bincount(shapes[shapes >= 0]).max() >= same
        if same >= 5:
            assert torch.bincount(shapes[shapes >= 0]).max() == same


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="objects per scene"):
        scenes_of(5, min_objects=5, max_objects=3)
    with pytest.raises(ValueError, match="same_shape"):
        scenes_of(5, max_objects=3, same_shape=4)


def test_masks_cover_the_pixels_that_differ_from_the_background() -> None:
    scenes = scenes_of(6)
    masks = object_masks(scenes)
    drawn = (render(scenes) - render_background(scenes)).abs().amax(1) > 0.02
    assert not (masks.any(1) & ~drawn).any()
    fringe = drawn & ~masks.any(1)
    assert fringe.sum() < 0.25 * drawn.sum()  # anti-aliased edges only
    assert ((masks.sum((2, 3)) > 0) == (scenes.shape >= 0)).all()


def test_every_object_stays_inside_its_cell() -> None:
    scenes = scenes_of(7, 40)
    outside = object_masks(scenes) & ~cell_masks()
    assert not outside.any()
    assert (cell_masks().sum(0) == 1).all()


def test_an_edit_changes_its_cell_and_nothing_else() -> None:
    scenes = scenes_of(8)
    shape, colour = torch.full((2, len(scenes), CELLS), -1).unbind(0)
    cells = (scenes.shape >= 0).float().argmax(1)
    rows = torch.arange(len(scenes))
    shape, colour = shape.clone(), colour.clone()
    shape[rows, cells] = (scenes.shape[rows, cells] + 1) % 6
    colour[rows, cells] = 7
    edited = apply_edits(scenes, Edits(shape, colour))
    assert torch.equal(edited.centre, scenes.centre) and torch.equal(edited.radius, scenes.radius)
    changed = (render(edited) - render(scenes)).abs().amax(1) > 0
    assert not (changed & ~cell_masks()[cells]).any()
    assert changed.any((1, 2)).all()


def test_empty_cells_cannot_be_edited() -> None:
    scenes = scenes_of(9, max_objects=4)
    full = torch.zeros(len(scenes), CELLS, dtype=torch.long)
    edited = apply_edits(scenes, Edits(full, full))
    assert torch.equal(edited.shape >= 0, scenes.shape >= 0)


def test_template_matching_names_every_object() -> None:
    scenes = scenes_of(10, 40)
    shape, colour = recognise(render(scenes), scenes)
    assert torch.equal(shape, scenes.shape) and torch.equal(colour, scenes.colour)


def test_the_words_of_a_clause() -> None:
    everything = Clause(shape=0, colour=0, location=0, target_shape=3, target_colour=1)
    assert phrase(everything) == "replace the red circle at top left with an orange star"
    plain = Clause(shape=5, colour=None, location=None, target_shape=1, target_colour=5)
    assert phrase(plain) == "replace the ring with a blue square"
    assert prompt([plain, everything]).count(" and ") == 1 and prompt([]) == ""


def test_clauses_of_one_prompt_never_meet() -> None:
    scenes, rng = scenes_of(11, 60, min_objects=4), random.Random(1)
    for index in range(len(scenes)):
        hits = [
            cell
            for clause in sample_clauses(scenes, index, 4, rng)
            for cell in matches(scenes, index, clause)
        ]
        assert len(hits) == len(set(hits)) and hits


def test_unique_clauses_fit_exactly_one_object() -> None:
    scenes, rng = scenes_of(12, 60, min_objects=6, same_shape=5), random.Random(2)
    for index in range(len(scenes)):
        for clause in sample_clauses(scenes, index, 3, rng, unique=True):
            assert len(matches(scenes, index, clause)) == 1


def test_edits_follow_the_words() -> None:
    scenes, rng = scenes_of(13), random.Random(3)
    clauses = [sample_clauses(scenes, index, 2, rng) for index in range(len(scenes))]
    edits = edits_of(scenes, clauses)
    for index, row in enumerate(clauses):
        wanted = {cell: clause for clause in row for cell in matches(scenes, index, clause)}
        for cell in range(CELLS):
            target = (edits.shape[index, cell].item(), edits.colour[index, cell].item())
            clause = wanted.get(cell)
            assert target == ((clause.target_shape, clause.target_colour) if clause else (-1, -1))
