"""The report of Edit Metrics on hand-made pictures."""

from __future__ import annotations

import math

import pytest
import torch

from instance_edit.evaluation.report import edit_report

MASKS = torch.zeros(2, 16, 16, dtype=torch.bool)
MASKS[0, :8, :8] = MASKS[1, 8:, 8:] = True
TEXTS = ["make it red", "make it blue"]


def test_the_report_says_which_instance_changed_and_what_the_background_did() -> None:
    source = torch.zeros(1, 3, 16, 16)
    result = source.repeat(2, 1, 1, 1)
    result[0, :, :8, :8] = 0.5
    result[1, :, 8:, :8] = 20 / 255
    report = edit_report(source, result, MASKS, TEXTS, threshold=10)
    lines = report.text.splitlines()
    assert lines[0].endswith("above a mean change of 10 of 255.")
    assert lines[1] == "picture 1: MAE_B 0.00, SSIM_B 1.0000, AR 50%"
    assert lines[2:4] == [
        "  1. edited, change 127.5: make it red",
        "  2. not edited, change 0.0: make it blue",
    ]
    assert lines[4].startswith("picture 2: MAE_B 10.00, ") and lines[4].endswith("AR 0%")
    assert report.mae_b == pytest.approx(5.0)
    assert report.changed == pytest.approx(0.25)
    assert report.ssim_b < 1


def test_a_margin_keeps_edits_that_grow_out_of_the_background() -> None:
    source = torch.zeros(1, 3, 16, 16)
    result = source.clone()
    result[:, :, 8, :8] = 1.0
    assert edit_report(source, result, MASKS, TEXTS, 10).mae_b > 0
    assert edit_report(source, result, MASKS, TEXTS, 10, margin=1).mae_b == 0


def test_regions_over_the_whole_picture_leave_no_background() -> None:
    picture = torch.zeros(1, 3, 16, 16)
    report = edit_report(picture, picture, torch.ones(1, 16, 16, dtype=torch.bool), ["all"], 10)
    assert math.isnan(report.mae_b) and math.isnan(report.ssim_b)
    assert "no background" in report.text


def test_pictures_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="same size, got 16 x 16 and 32 x 16"):
        edit_report(torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 32), MASKS, TEXTS, 10)
    with pytest.raises(ValueError, match=r"got 2 source\(s\) for 3 result\(s\)"):
        edit_report(torch.zeros(2, 3, 16, 16), torch.zeros(3, 3, 16, 16), MASKS, TEXTS, 10)


def test_pixels_that_are_no_numbers_are_named_and_spoil_only_what_counts_them() -> None:
    source = torch.zeros(2, 3, 16, 16)
    result = source.clone()
    result[0, :, 0, 15] = torch.nan  # in the background
    result[1, :, 0, 0] = torch.inf  # in instance 1
    report = edit_report(source, result, MASKS, TEXTS, 10)
    assert "picture 1: 1 pixel(s) of the result are NaN or infinite" in report.text
    assert "picture 2: 1 pixel(s) of the result are NaN or infinite" in report.text
    assert math.isnan(report.mae_b) and "no background" not in report.text
    lines = report.text.splitlines()
    assert lines[4] == "  1. not edited, change 0.0: make it red"
    nowhere = edit_report(source[:1], torch.full((1, 3, 16, 16), torch.nan), MASKS, TEXTS, 10)
    assert "256 pixel(s)" in nowhere.text and math.isnan(nowhere.changed)
    assert "1. unknown, its pixels are NaN: make it red" in nowhere.text


def test_every_picture_is_measured_by_its_own_masks() -> None:
    source = torch.zeros(1, 3, 16, 16)
    result = source.repeat(2, 1, 1, 1)
    result[0, :, :8, :8] = 1.0
    result[1, :, 8:, 8:] = 1.0
    own = torch.stack([MASKS[:1], MASKS[1:]])
    report = edit_report(source, result, own, ["the thing"], 10)
    assert report.changed == 1.0 and report.mae_b == 0.0
    own[1] = False
    report = edit_report(source, result, own, ["the thing"], 10)
    assert "  1. not in this picture: the thing" in report.text
