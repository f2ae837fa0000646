"""Boxes in percent, outlines and a vision model's own marks are refused with the remedy."""

from __future__ import annotations

import pytest

from instance_edit.mask_ops.dialects import DIALECTS
from instance_edit.mask_ops.read_boxes import parse_boxes

CORNERS = {"x": 10, "y": 20, "width": 30, "height": 40}
PERCENT = [
    ["10%", "20%", "30%", "40%"],
    '[["10 %", "20 %", "30 %", "40 %"]]',
    {"x": "10%", "y": "20%", "width": "30%", "height": "40%"},
    [{"bbox": ["10%", "20%", "30%", "40%"], "label": "a cat"}],
    {"box_2d": [10, 20, 30, "40%"]},
    {**CORNERS, "unit": "percent"},
    [{**CORNERS, "units": "%", "label": "a cat"}],
    {**CORNERS, "rotation": 0, "rectanglelabels": ["Car"]},
]
SQUARE = [[10, 10], [30, 10], [30, 30], [10, 30]]
OUTLINES = [
    SQUARE,
    [SQUARE],
    [SQUARE, SQUARE],
    [[10, 10], [30.5, 10], [30, 30]],
    {"polygon": SQUARE, "label": "a cat"},
    [{"label": "a cat", "points": SQUARE, "shape_type": "polygon"}],
    {"polygons": [[[10, 10, 30, 10, 30, 30]]], "labels": ["a cat"]},
    {"<REGION_TO_SEGMENTATION>": {"polygons": [[[10, 10, 30, 10, 30, 30]]], "labels": [""]}},
    {"segmentation": [[10, 10, 30, 10, 30, 30]], "area": 200},
]
MARKS = [
    "a cat<loc_52><loc_334><loc_932><loc_774>",
    "<loc_52><loc_334><loc_932><loc_774></s>",
    "<loc0052><loc0334><loc0932><loc0774> cat ; <loc0001><loc0002><loc0300><loc0400> dog",
    "<|box_start|>(10,20),(300,400)<|box_end|>",
    "boxes: [] <loc_52><loc_334>",
]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("data", PERCENT, ids=str)
def test_percent_is_refused_and_never_taken_for_pixels(data: object, dialect: str) -> None:
    with pytest.raises(ValueError, match=r"box 1 .*, not percent, got .*Divide them by 100"):
        parse_boxes(data, 64, 64, dialect)


@pytest.mark.parametrize("data", OUTLINES, ids=str)
def test_an_outline_is_no_box(data: object) -> None:
    with pytest.raises(ValueError, match=r"box 1 is an outline .*Instance Regions from Masks"):
        parse_boxes(data, 64, 64)


@pytest.mark.parametrize("text", MARKS)
def test_a_models_own_marks_are_refused_by_where_its_boxes_come_out(text: str) -> None:
    with pytest.raises(ValueError, match=r"a vision model's own marks, .*Connect the boxes"):
        parse_boxes(text, 64, 64)


def test_a_coco_annotation_with_an_outline_is_read_by_its_box() -> None:
    note = {"bbox": [8, 16, 16, 32], "segmentation": [[8, 16, 24, 16, 24, 48]], "category_id": 1}
    [found] = parse_boxes([note], 64, 64)
    assert found.box == (0.125, 0.25, 0.375, 0.75)


def test_words_with_a_percent_sign_are_words() -> None:
    [found] = parse_boxes(
        [{"bbox_2d": [0, 0, 32, 64], "label": "a 50% sign"}], 64, 64, "xyxy pixels"
    )
    assert found.text == "a 50% sign"
