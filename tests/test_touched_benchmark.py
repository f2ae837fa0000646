"""The benchmark of skipped backgrounds measures and reports what it says it does."""

from __future__ import annotations

import pytest

from instance_edit.benchmarks.touched.forward import HIDDEN, PLANS, WIDTHS, Plan
from instance_edit.benchmarks.touched.jobs import touching_regions
from instance_edit.benchmarks.touched.report import gathered, over_floor
from instance_edit.mask_ops.regions import rasterise
from instance_edit.tools.model_shapes import Shape

SECONDS = {
    "unpatched": {"0.1": [2.0, 4.0, 4.0], "0.5": [2.0]},
    "dense": {"0.1": [3.0, 6.0, 9.0]},
    "ours": {"0.1": [2.2, 2.2, 4.4], "0.5": [2.4]},
    "skipping, whole": {"0.1": [1.2, 2.4, 2.4], "0.5": [1.6]},
    "floor, whole": {"0.1": [1.0, 2.0, 2.0], "0.5": [1.6]},
    "skipping, near regions": {"0.1": [0.5, 1.0, 1.0], "0.5": [1.0]},
    "floor, near regions": {"0.1": [0.4, 0.8, 0.8], "0.5": [1.0]},
}
TOUCHED = {"0.1": 0.11, "0.5": 0.5}


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_the_boxes_of_every_plan_touch_what_it_says_and_no_token_twice(plan: Plan) -> None:
    """As near as whole tokens allow, at least one each; `touched` holds what it is."""
    for share in plan.shares:
        wanted = max(share, plan.instances / plan.side**2)
        masks = rasterise(
            touching_regions(plan.instances, share, plan.side), (plan.side, plan.side)
        )
        assert len(masks) == plan.instances and int(masks.sum(0).max()) == 1
        assert float(masks.any(0).float().mean()) == pytest.approx(wanted, rel=0.25)


@pytest.mark.parametrize("widths", sorted({plan.widths for plan in PLANS}))
def test_every_plan_has_a_model_of_its_widths_and_blocks(widths: str) -> None:
    config = WIDTHS[widths](Shape(HIDDEN, 1, 2))
    assert (config["hidden_size"], config["depth"], config["depth_single_blocks"]) == (3072, 1, 2)


def test_ratios_are_of_the_unpatched_forward_of_the_same_round() -> None:
    """The machine slowed down after the first. Turns are N forwards and MultiDiffusion N + 1,
    whatever the share."""
    plans = {Plan("klein 4B", 64, n): {"touched": TOUCHED, **SECONDS} for n in (1, 8)}
    (entry,) = gathered(plans, {}).values()
    found = entry["forward_ratio"]
    assert found["ours"] == {"0.1": {"1": 1.1, "8": 1.1}, "0.5": {"1": 1.2, "8": 1.2}}
    assert found["dense"]["0.5"] == {"1": 1.5, "8": 1.5}
    assert found["turns"]["0.1"] == {"1": 1, "8": 8}
    assert found["multidiffusion"]["0.5"] == {"1": 2, "8": 9}
    assert set(entry["floor"]) == {"floor, whole", "floor, near regions"}
    assert entry["floor"]["floor, whole"]["0.5"] == {"1": 0.8, "8": 0.8}


def test_what_was_measured_before_stays_beside_what_is_new() -> None:
    measured = {"touched": TOUCHED, **SECONDS}
    one, eight = (Plan("klein 4B", 64, n) for n in (1, 8))
    other = Plan("klein 4B", 32, 8)
    known = gathered({one: measured, other: measured}, {})
    assert gathered({eight: measured}, known) == gathered(
        {one: measured, eight: measured, other: measured}, {}
    )


def test_skipping_is_compared_with_the_floor_of_its_own_context() -> None:
    plan = Plan("klein 4B", 64, 8)
    (entry,) = gathered({plan: {"touched": TOUCHED, **SECONDS}}, {}).values()
    assert over_floor(entry, "whole") == {"0.1": {"8": 1.2}, "0.5": {"8": 1.0}}
    assert over_floor(entry, "near regions") == {"0.1": {"8": 1.25}, "0.5": {"8": 1.0}}
