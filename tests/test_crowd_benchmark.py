"""The crowded benchmark on methods whose outcome is known, with an identity for a VAE."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from instance_edit.benchmarks.leak import jobs
from instance_edit.benchmarks.leak.baselines import Method, one_forward, unedited
from instance_edit.benchmarks.leak.crowd_runner import (
    CrowdOutcome,
    crowd_task,
    run_crowds,
)
from instance_edit.benchmarks.leak.crowds import REPORTED, SETS, CrowdScene, crowd_scenes
from instance_edit.benchmarks.leak.orders import (
    ORDERS,
    compare_orders,
    difference,
    orders_table,
    verdict,
)
from instance_edit.benchmarks.leak.runner import as_rows
from instance_edit.benchmarks.studio import EditTask, Latent, Studio
from instance_edit.demo.crowd import seeds
from instance_edit.tests.identity_studio import STUDIO


def outcomes_of(method: Method, scenes: list[CrowdScene]) -> list[CrowdOutcome]:
    tasks = [crowd_task(STUDIO, scene, seed) for seed, scene in enumerate(scenes)]
    return run_crowds(STUDIO, method, scenes, tasks)


def perfect(scenes: list[CrowdScene]) -> Method:
    def edit(studio: Studio, task: EditTask) -> Latent:
        return {"samples": scenes[task.seed].wanted}

    return Method(edit, one_forward)


@pytest.mark.parametrize("name", REPORTED)
def test_a_perfect_edit_is_perfect_and_none_at_all_is_none(name: str) -> None:
    scenes = crowd_scenes(name, 3)
    for outcome in outcomes_of(perfect(scenes), scenes):
        assert (outcome.success, outcome.leak, outcome.mae_b, outcome.seam) == (1, 0, 0, 0)
        assert outcome.changed == 1 and outcome.ssim_b == pytest.approx(1, abs=1e-5)
    for outcome in outcomes_of(Method(unedited, one_forward), scenes):
        assert (outcome.success, outcome.leak, outcome.changed, outcome.mae_b) == (0, 0, 0, 0)


def test_a_seam_is_what_shows_along_the_masks_edges() -> None:
    (scene,) = crowd_scenes("3", 1)

    def lighter(where: torch.Tensor) -> Method:
        changed = scene.wanted + 0.1 * where
        return Method(lambda studio, task: {"samples": changed}, one_forward)

    (within,) = outcomes_of(lighter(scene.masks.any(1, keepdim=True)), [scene])
    (core,) = outcomes_of(lighter(scene.silhouettes.any(1, keepdim=True)), [scene])
    assert within.seam > 5 and core.seam < 1


def test_each_purpose_and_each_set_has_scenes_of_its_own() -> None:
    pictures = [
        crowd_scenes(name, 1, purpose)[0].picture
        for name in ("5", "9", "many 10")
        for purpose in ("choosing", "report")
    ]
    for index, picture in enumerate(pictures):
        assert not any(torch.equal(picture, other) for other in pictures[:index])
    assert torch.equal(crowd_scenes("5", 1)[0].picture, crowd_scenes("5", 2)[0].picture)
    assert len(SETS) * 10_000 <= len(seeds.REPORT) == len(seeds.CHOOSING)


def test_unknown_scenes_are_refused() -> None:
    with pytest.raises(
        ValueError, match="no scenes 'few' of the seeds 'report'; there are 1, 2, 3"
    ):
        crowd_scenes("few", 1)
    with pytest.raises(ValueError, match="a set has 10000 scenes, 10001 were asked for"):
        crowd_scenes("5", 10_001)


def test_masks_have_room_silhouettes_have_none_and_boxes_hold_both() -> None:
    for name in ("touching 4", "nested 4"):
        for scene in crowd_scenes(name, 3):
            assert scene.silhouettes.sum(1).max() == 1
            assert (scene.masks.sum(1).max() > 1) and (scene.masks >= scene.silhouettes).all()
            for (x1, y1, x2, y2), mask in zip(scene.boxes, scene.silhouettes[0], strict=True):
                assert mask[y1:y2, x1:x2].sum() == mask.sum()
    boxes = [scene.boxes for scene in crowd_scenes("nested 4", 3)]
    inside = [
        a != b and a[0] <= b[0] and a[1] <= b[1] and a[2] >= b[2] and a[3] >= b[3]
        for row in boxes
        for a in row
        for b in row
    ]
    assert sum(inside) >= 3  # a nested instance's box is within another's


def row(**changes: float) -> dict[str, float]:
    outcome = CrowdOutcome(0.5, 0.0, 1.0, 0.5, 3.0, 0.9, 0.2, 8.0)
    return as_rows([replace(outcome, **changes)])[0]


def test_an_order_holds_only_where_the_whole_interval_says_so() -> None:
    more, less = [row(changed=0.9)] * 20, [row(changed=0.6)] * 20
    assert difference(more, less, "changed") == pytest.approx((0.3, 0.3, 0.3))
    mixed = [row(changed=0.3 if index % 2 else 0.9) for index in range(20)]
    mean, low, high = difference(mixed, less, "changed")
    assert (mean, verdict(low, high)) == (pytest.approx(0), "undecided")
    assert verdict(0.1, 0.2) == "holds" and verdict(-0.2, -0.1) == "does not hold"
    with pytest.raises(ValueError, match="same scenes, got 20 and 19"):
        difference(more, less[1:], "changed")
    order = ORDERS[0]
    table = orders_table(compare_orders({(order.more, "5"): more, (order.less, "5"): less}))
    assert "| 5 | changed | idattn_dis_dis_dis | idattn_har_har_har | 0.300 [" in table
    assert table.count("\n") == 4 and "0.000 [0.000, 0.000] | undecided |" in table


def test_every_order_names_methods_sets_and_metrics_that_are_run() -> None:
    for order in ORDERS:
        assert order.metric in row()
        for name in order.sets:
            assert name in jobs.sets_of(order.more) and name in jobs.sets_of(order.less)
