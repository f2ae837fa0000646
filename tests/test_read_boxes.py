"""Boxes in the forms that nodes, detectors and vision models write them."""

from __future__ import annotations

import json
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
import torch

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.dialects import DIALECTS
from instance_edit.mask_ops.read_boxes import LabelledBox, parse_boxes

PIXELS, THOUSANDTHS = [256, 96, 512, 480], [250, 125, 500, 625]
FRACTIONS = [0.25, 0.125, 0.5, 0.625]
WANTED = Box(*FRACTIONS)
"""One place in a picture of 1024 x 768."""
SEG = namedtuple(
    "SEG",
    "cropped_image cropped_mask confidence crop_region bbox label control_net_wrapper",
    defaults=[None],
)
"""As Impact Pack declares it."""


def read(data: object, dialect: str = "as labelled") -> Box:
    [found] = parse_boxes(data, 1024, 768, dialect)
    return found.box


PLAIN: dict[str, Any] = {
    "core's box": {"x": 256, "y": 96, "width": 256, "height": 384},
    "SAM3 Detect, RT-DETR": [
        [{"x": 256.0, "y": 96.0, "width": 256.0, "height": 384.0, "score": 0.9}]
    ],
    "core's element": [{"type": "obj", "bbox": [125, 250, 625, 500], "desc": "a cup"}],
    "a list of pixels": PIXELS,
    "KJNodes, Sapiens: BBOX": [tuple(PIXELS)],
    "a tensor": torch.tensor([PIXELS]),
    "an array": np.array(PIXELS, dtype=np.float32),
    "Gemini": [{"box_2d": [125, 250, 625, 500], "label": "cup"}],
    "COCO": [{"bbox": [256, 96, 256, 384], "category_id": 7, "iscrowd": 0}],
    "COCO's file": {
        "images": [{"id": 1}],
        "annotations": [{"image_id": 1, "bbox": [256, 96, 256, 384], "category_id": 7}],
        "categories": [{"id": 7, "name": "cup"}],
    },
    "Florence-2": {"<OD>": {"bboxes": [PIXELS], "labels": ["cup"]}},
    "Florence-2 in ComfyUI": [[[256.0, 96.0, 512.0, 480.0]]],
    "Florence-2, phrases": [{"bboxes": [PIXELS], "labels": ["cup"]}],
    "Florence-2, open vocabulary": {
        **{"bboxes": [PIXELS], "bboxes_labels": ["cup"]},
        **{"polygons": [], "polygons_labels": []},
    },
    "Florence-2, text": {
        "quad_boxes": [[256, 96, 512, 98, 510, 480, 258, 478]],
        "labels": ["</s>SALE"],
    },
    "Florence-2 in ComfyUI, text": [
        {"label": "SALE", "box": [0.25, 0.125, 0.5, 0.13, 0.49, 0.625, 0.25, 0.6]}
    ],
    "torchvision, GroundingDINO in transformers": {
        "scores": torch.tensor([0.7]),
        "boxes": torch.tensor([PIXELS], dtype=torch.float32),
        "text_labels": ["cup"],
    },
    "transformers' pipeline": [
        {"score": 0.9, "label": "cup", "box": {"xmin": 256, "ymin": 96, "xmax": 512, "ymax": 480}}
    ],
    "SEGS of Impact Pack": (
        (768, 1024),
        [SEG(None, None, 0.9, [200, 50, 600, 500], np.array(PIXELS), "cup")],
    ),
    "SEGS of a picture twice as large": (
        (1536, 2048),
        (SEG(None, None, 0.9, [0, 0, 9, 9], [512, 192, 1024, 960], "cup"),),
    ),
    "named corners": {"x1": 256, "y1": 96, "x2": 512, "y2": 480},
    "named sides": {"left": 256, "top": 96, "right": 512, "bottom": 480},
    "two corners": [{"label": "cup", "quad_box": [[256, 96], [512, 480]]}],
    "a wrapper": {"objects": [{"label": "cup", "box_2d": [125, 250, 625, 500]}]},
    "numbers as text": ["256", "96", "512", "480"],
}


@pytest.mark.parametrize("data", PLAIN.values(), ids=list(PLAIN))
def test_a_form_that_says_what_it_means_is_read(data: object) -> None:
    assert read(data) == pytest.approx(WANTED)


class Detections:
    """As supervision and ultralytics have them."""

    xyxy = np.array([PIXELS])


def test_a_detectors_object_is_read_by_the_name_of_its_corners() -> None:
    assert read(Detections()) == pytest.approx(WANTED)


OPEN: dict[str, Any] = {
    "bbox in pixels": [{"bbox": PIXELS, "label": "cup"}],
    "bbox in thousandths": [{"bbox": THOUSANDTHS, "label": "cup"}],
    "bbox in fractions": [{"bbox": FRACTIONS, "label": "cup"}],
    "bbox beyond 1000": [{"bbox": [100, 200, 1020, 700], "label": "cup"}],
    "Qwen2.5-VL": [{"bbox_2d": PIXELS, "label": "cup"}],
    "Qwen3-VL": {"bbox_2d": THOUSANDTHS, "label": "cup"},
    "Roboflow, the centre": {
        "x": 384,
        "y": 288,
        "width": 256,
        "height": 384,
        **{"class": "cup", "confidence": 1},
    },
    "GroundingDINO without a size": {"boxes": torch.tensor([FRACTIONS]), "scores": [0.5]},
}


@pytest.mark.parametrize("data", OPEN.values(), ids=list(OPEN))
def test_a_form_with_several_meanings_is_refused_and_they_are_named(data: object) -> None:
    with pytest.raises(ValueError, match=r"box 1 does not say .* 'xyxy pixels' .* Qwen2.5-VL"):
        read(data)


WRITTEN = {
    "xyxy pixels": PIXELS,
    "xyxy 0..1": FRACTIONS,
    "xyxy 0..1000": THOUSANDTHS,
    "xywh pixels": [256, 96, 256, 384],
    "xywh 0..1": [0.25, 0.125, 0.25, 0.5],
    "xywh 0..1000": [250, 125, 250, 500],
    "yxyx pixels": [96, 256, 480, 512],
    "yxyx 0..1": [0.125, 0.25, 0.625, 0.5],
    "yxyx 0..1000": [125, 250, 625, 500],
    "cxcywh pixels": [384, 288, 256, 384],
    "cxcywh 0..1": [0.375, 0.375, 0.25, 0.5],
    "cxcywh 0..1000": [375, 375, 250, 500],
}


def test_every_dialect_can_be_chosen_for_every_list_of_numbers() -> None:
    assert ["as labelled", *WRITTEN] == list(DIALECTS)
    for dialect, numbers in WRITTEN.items():
        forms = (numbers, [numbers], {"bbox": numbers}, {"bbox_2d": numbers}, {"box": numbers})
        for data in (*forms, torch.tensor([numbers]), {"boxes": [numbers], "scores": [1]}):
            assert read(data, dialect) == pytest.approx(WANTED), dialect
            sizes = [box.size for box in parse_boxes(data, 1024, 768, dialect)]
            assert sizes == [(768, 1024) if "pixels" in dialect else None]
    with pytest.raises(ValueError, match="dialect must be one of as labelled, xyxy pixels"):
        read(PIXELS, "xyxy")


def test_names_say_the_order_and_the_dialect_the_units() -> None:
    named = {"x1": 250, "y1": 125, "x2": 500, "y2": 625}
    for dialect in ("xyxy 0..1000", "yxyx 0..1000"):
        assert read(named, dialect) == pytest.approx(WANTED)
    centred = {"x": 384, "y": 288, "width": 256, "height": 384, "class": "cup", "confidence": 1}
    assert read(centred, "cxcywh pixels") == pytest.approx(WANTED)


TOO_FAR = {
    "xyxy pixels": [100, 200, 1060, 700],
    "xyxy 0..1": [0.1, 0.2, 0.9, 1.05],
    "yxyx 0..1000": [100, 200, 1030, 700],
    "xywh pixels": [600, 96, 512, 480],
    "cxcywh 0..1": [0.1, 0.5, 0.4, 0.2],
}


@pytest.mark.parametrize("dialect", TOO_FAR)
def test_values_over_their_range_are_refused_and_not_clipped(dialect: str) -> None:
    with pytest.raises(ValueError, match=f"over its edge, read as '{dialect}' on 1024 x 768"):
        read(TOO_FAR[dialect], dialect)


def test_a_detectors_box_may_reach_over_the_edge_by_a_fiftieth() -> None:
    assert read({"x": -3.2, "y": -1, "width": 1030, "height": 775}) == Box(0, 0, 1, 1)


@pytest.mark.parametrize(
    "data", [FRACTIONS, {"x": 0.25, "y": 0.1, "width": 0.5, "height": 1.0}, [0, 0, 1, 1]]
)
def test_fractions_read_as_pixels_are_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"at most 1, read as .* choose '\w+ 0..1' as dialect"):
        read(data)
    with pytest.raises(ValueError, match=r"at most 1, read as"):
        read(FRACTIONS, "xyxy 0..1000")


def test_the_words_of_florence_and_segs_come_with_their_boxes() -> None:
    for name in (
        "Florence-2, text",
        "SEGS of Impact Pack",
        "COCO's file",
        "transformers' pipeline",
    ):
        [found] = parse_boxes(PLAIN[name], 1024, 768)
        assert found.text in ("SALE", "cup")


def test_boxes_know_the_picture_that_they_were_made_for() -> None:
    assert parse_boxes(PIXELS, 1024, 768)[0].size == (768, 1024)
    assert parse_boxes(PLAIN["core's element"], 1024, 768)[0].size is None
    assert parse_boxes(PLAIN["SEGS of a picture twice as large"], 9, 9)[0].size == (1536, 2048)


def test_all_forms_of_the_same_box_mean_the_same() -> None:
    wanted = Box(0.25, 0.5, 0.75, 0.9)
    pixels = {"x": 50, "y": 50, "width": 100, "height": 40}
    element = {"type": "obj", "bbox": [500, 250, 900, 750], "desc": "a cat"}
    for data in (pixels, [pixels], [[pixels]], [50, 50, 150, 90], [[50, 50, 150, 90]]):
        assert parse_boxes(data, 200, 100) == [LabelledBox(wanted, "", (100, 200))]
        assert parse_boxes(json.dumps(data), 200, 100) == [LabelledBox(wanted, "", (100, 200))]
    assert parse_boxes([element], 200, 100) == [LabelledBox(wanted, "a cat")]


def test_a_frame_may_hold_its_boxes_as_mappings_lists_or_tuples() -> None:
    for box in ({"x": 0, "y": 0, "width": 5, "height": 5}, [0, 0, 5, 5], (0, 0, 5, 5)):
        assert len(parse_boxes([[box, box]], 10, 10)) == 2


def test_several_boxes_keep_their_order() -> None:
    found = parse_boxes([[0, 0, 10, 10], [10, 0, 20, 10], [20, 0, 30, 10]], 100, 10)
    assert [box.x1 for box, *_ in found] == [0.0, 0.1, 0.2]


def test_four_numbers_in_a_row_are_one_box_and_four_boxes_are_four() -> None:
    assert len(parse_boxes([0, 0.5, 10, 10], 100, 10)) == 1
    assert len(parse_boxes([[0, 0, 10, 10]] * 4, 100, 10)) == 4


def test_the_words_of_a_box_are_its_instruction_else_description_text_or_label() -> None:
    words = {"instruction": "i", "desc": "d", "text": "t", "label": "l"}
    box = {"x": 0, "y": 0, "width": 5, "height": 5}
    for wanted in ("i", "d", "t", "l"):
        assert parse_boxes({**box, **words}, 10, 10)[0].text == wanted
        assert parse_boxes({**box, "metadata": dict(words)}, 10, 10)[0].text == wanted
        del words[next(iter(words))]
    assert parse_boxes(box, 10, 10)[0].text == ""


def test_a_boxs_own_words_go_before_those_of_its_metadata_and_blank_ones_do_not_count() -> None:
    box = {"x": 0, "y": 0, "width": 5, "height": 5, "metadata": {"desc": "there"}}
    assert parse_boxes({**box, "desc": "here"}, 10, 10)[0].text == "here"
    assert parse_boxes({**box, "text": "here"}, 10, 10)[0].text == "there"
    assert parse_boxes({**box, "desc": " \n"}, 10, 10)[0].text == "there"
    assert parse_boxes({**box, "desc": 7}, 10, 10)[0].text == "there"
    assert parse_boxes({**box, "desc": " here "}, 10, 10)[0].text == "here"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no boxes"),
        ([[]], "no boxes"),
        ("not json", "JSON"),
        ('"a box"', "must hold boxes in JSON"),
        ("", "must hold boxes in JSON"),
        (["25%", "10%", "50%", "60%"], "box 1 must have four numbers"),
        ([[30, 10, 5, 20]], "box 1 is empty, read as 'xyxy pixels'.*'xywh'"),
        ([[0, 0, float("inf"), 5]], "finite"),
        (((100, 100), []), "no boxes"),
        ({"bboxes": [[0, 0, 5, 5]], "labels": []}, "as many labels as boxes"),
        ({"annotations": [{"image_id": 1}, {"image_id": 2}]}, "one picture"),
        ([[0, 0, 5, 5, 0.9, 1]], "box 1"),
        ([{"bbox": "0 0 5 5"}], "four numbers"),
        ([[True, 0, 5, 5]], "four numbers"),
        (7, "must be a box"),
        (None, "must be a box"),
        ([{"x": 1}], "box 1 must be"),
        (["a"], "box 1 must be"),
        ([[0, 0, 5, 5], 3], "box 2 must be"),
        ([3], "box 1 must be"),
        ([[0, 0, 5, 5], [0, 0, 5, 5], [0, 0, 5, 5], 3], "box 4 must be"),
        ([[[0, 0, 5, 5]], {"x": 0, "y": 0, "width": 5, "height": 5}], "box 1 must have four"),
        ([[1, 2, 3]], "box 1"),
        ([{"bbox": [0, 0, "a", 1]}], "four numbers"),
        ([{"bbox": None}], "four numbers"),
        ([{"x": 200, "y": 0, "width": 10, "height": 10}], "outside the picture"),
        ([{"x": -30, "y": 0, "width": 20, "height": 10}], "outside the picture"),
        ([{"x": 0, "y": 0, "width": 0, "height": 10}], "box 1 is empty"),
        ([{"x": 0, "y": 0, "width": 10, "height": 0}], "box 1 is empty"),
        ([{"x": float("nan"), "y": 0, "width": 1, "height": 10}], "finite"),
        ([[{"x": 0, "y": 0, "width": 1, "height": 1}], []], "boxes for 2 frames"),
    ],
)
def test_boxes_that_make_no_sense_are_refused(data: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_boxes(data, 100, 100)


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_a_picture_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=">= 1 pixel, got"):
        parse_boxes([[0, 0, 2, 2]], *size)
    assert parse_boxes([[0, 0, 1, 1]], 1, 1)[0].box == Box(0, 0, 1, 1)
