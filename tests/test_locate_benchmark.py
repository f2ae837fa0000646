"""The locators' benchmark: which reading is best, and the form of its figures."""

from __future__ import annotations

import pytest
import torch

from instance_edit.benchmarks.locate import focus
from instance_edit.benchmarks.locate.figures import (
    best_reading,
    by_threshold,
    nested,
    reading_inputs,
    summary,
)
from instance_edit.benchmarks.locate.page import regions_tables
from instance_edit.mask_ops.foi import Focus, foi_masks

MEANS = {
    "iid/1/3": 0.4,
    "iid/1/4": 0.5,
    "iid/2/4": 0.7,
    "foi latent/1/3": 0.2,
    "foi latent/1/3@0.1": 0.6,
    "foi latent/1/middle": 0.3,
    "foi reference/1/3": 0.4,
    "contrast/1": 0.8,
}


def test_the_best_reading_is_the_highest_of_its_kind() -> None:
    assert best_reading(MEANS, "iid/") == ("iid/2/4", 0.7)
    assert best_reading(MEANS, "foi ") == ("foi latent/1/3@0.1", 0.6)


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("foi latent/2/4@0.3", ("latent", 2, "4", 0.3)),
        ("foi reference/1/middle", ("reference", 1, "", 0.5)),
    ],
)
def test_a_reading_becomes_the_nodes_inputs(name: str, inputs: tuple[str, int, str, float]) -> None:
    names = ("read_from", "step", "blocks", "threshold")
    assert reading_inputs(name) == dict(zip(names, inputs, strict=True))


def test_tables_hold_the_standard_threshold_only() -> None:
    assert nested(MEANS, "foi latent") == {"1": {"3": 0.2, "middle": 0.3}}
    assert nested(MEANS, "contrast") == {"1": 0.8}


def test_thresholds_are_compared_at_their_best_block() -> None:
    means = {**MEANS, "foi latent/1/2@0.1": 0.3, "foi latent/2/3@0.1": 0.9}
    assert by_threshold(means, "foi latent") == {"0.1": 0.6, "0.5": 0.2}


def test_the_report_shows_every_locator_and_the_edits() -> None:
    figures = summary({truth: MEANS for truth in ("half", "touched", "cell")})
    assert figures["best"]["half"]["contrast"] == {"reading": "contrast/1", "iou": 0.8}
    interval = {name: [0.1, 0.2] for name in ("success", "leak", "untouched", "mae_b", "ssim_b")}
    cell = dict.fromkeys(interval, 0.15) | {
        "ci": interval,
        "refused": 1,
        "scenes": 9,
        "seconds": 0.5,
    }
    capture = {"tokens": 8704, "heads": 24, "peak_mib": 203, "full_softmax_mib": 6936}
    read = {"regions": {**figures, "methods": {"unambiguous": {"iid": cell}}}, "capture": capture}
    text = "\n".join(regions_tables(read.__getitem__).values())
    for part in (
        "| IID, step 2 |",
        "| FoI, reference, step 1 |",
        "0.15 [0.10, 0.20]",
        "1 of 9",
        "203 MiB",
    ):
        assert part in text


def test_every_threshold_and_gamma_is_measured_on_the_middle_blocks_and_on_the_best_one() -> None:
    maps = {name: torch.rand(2, 9, 9) for name in ("3", "4", focus.MIDDLE)}
    masks = focus.readings(maps)
    assert len(masks) == 3 * 4 * 7
    assert torch.equal(masks["3", 1, 0.4], foi_masks(maps["3"], Focus(0.4, 1)).masks)
    means = {place: float(n) for n, place in enumerate(masks)}
    table = focus.cells(means)
    assert table[focus.MIDDLE]["2"]["0.3"] == means[focus.MIDDLE, 2, 0.3]
    assert table["best block"]["2"]["0.3"] == means["4", 2, 0.3] > means["3", 2, 0.3]
