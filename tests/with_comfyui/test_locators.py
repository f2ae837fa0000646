"""The locators' benchmark reads the demo model as it says, and finds what instructions name."""

from __future__ import annotations

import pytest

from instance_edit.benchmarks.in_process import demo_studio
from instance_edit.benchmarks.leak.runner import edit_task
from instance_edit.benchmarks.locate.figures import summary
from instance_edit.benchmarks.locate.locators import unambiguous_scenes
from instance_edit.benchmarks.locate.measure import measure_edits, measure_masks
from instance_edit.benchmarks.studio import Studio

BLOCKS = {str(number) for number in range(9)}  # of the miniature: 3 double, 6 single


@pytest.fixture(scope="module")
def studio() -> Studio:
    return demo_studio(steps=2)


def test_every_block_of_the_first_step_is_read_and_the_best_finds_the_objects(
    studio: Studio,
) -> None:
    figures = summary(measure_masks(studio, instances=2, count=2, steps=1))
    assert figures["iid_iou"]["touched"]["1"].keys() == BLOCKS
    assert figures["foi_iou"]["touched"]["latent"]["1"].keys() == {*BLOCKS, "middle"}
    assert figures["contrast_iou"]["touched"].keys() == {"1"}
    best = figures["best"]["touched"]
    assert all(best[kind]["iou"] > 0.5 for kind in ("iid", "foi", "contrast")), best


def test_every_edit_runs_on_clear_and_on_conflicting_instructions(studio: Studio) -> None:
    means = {"iid/1/4": 0.5, "foi reference/1/4@0.1": 0.5}
    figures = measure_edits(studio, 2, means, 1)
    assert figures.keys() == {"unambiguous", "conflicting"}
    for methods in figures.values():
        assert {"iid", "foi", "mice with true masks"} < methods.keys()
        assert all(cell["scenes"] == 1 for cell in methods.values())


def test_an_instruction_of_these_scenes_fits_its_object_alone(studio: Studio) -> None:
    for seed, scene in enumerate(unambiguous_scenes(3, 3)):
        task = edit_task(studio, scene, seed)
        assert len(set(task.instructions)) == len(task.masks) == 3
