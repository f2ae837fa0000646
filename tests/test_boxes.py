"""Boxes in all their forms."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instance_edit.mask_ops.boxes import Box, box_to_grid, clip_box, parse_boxes

FRACTIONS = st.floats(0, 1, allow_nan=False)


def test_a_box_takes_every_token_it_touches():
    mask = box_to_grid(Box(0.3, 0.0, 0.55, 0.5), (4, 4))
    assert mask.int().tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


@given(FRACTIONS, FRACTIONS, FRACTIONS, FRACTIONS, st.integers(1, 9), st.integers(1, 9))
def test_the_rule_is_floor_of_the_start_and_ceil_of_the_end(x1, y1, x2, y2, h, w):
    if x2 - x1 < 1e-3 or y2 - y1 < 1e-3:
        return
    mask = box_to_grid(Box(x1, y1, x2, y2), (h, w))
    rows, columns = (mask.any(dim).nonzero()[:, 0].tolist() for dim in (1, 0))
    tiny = 1e-5
    assert rows[0] in {math.floor(y1 * h), math.floor(y1 * h + tiny)}
    assert rows[-1] + 1 in {math.ceil(y2 * h), math.ceil(y2 * h - tiny)}
    assert columns[0] in {math.floor(x1 * w), math.floor(x1 * w + tiny)}
    assert columns[-1] + 1 in {math.ceil(x2 * w), math.ceil(x2 * w - tiny)}


def test_a_box_ends_where_the_picture_ends_on_a_padded_grid():
    mask = box_to_grid(Box(0.0, 0.0, 1.0, 1.0), (2, 9), (2.0, 8.5))
    assert mask.all()
    right = box_to_grid(Box(0.9, 0.0, 1.0, 1.0), (1, 9), (1.0, 8.5))
    assert right[0].tolist() == [False] * 7 + [True, True]


def test_all_forms_of_the_same_box_mean_the_same():
    wanted = Box(0.25, 0.5, 0.75, 1.0)
    pixels = {"x": 50, "y": 50, "width": 100, "height": 50}
    element = {"type": "obj", "bbox": [500, 250, 1000, 750], "desc": "a cat"}
    for data in (pixels, [pixels], [[pixels]], [50, 50, 150, 100], [[50, 50, 150, 100]]):
        assert parse_boxes(data, 200, 100)[0].box == wanted
        assert parse_boxes(json.dumps(data), 200, 100)[0].box == wanted
    assert parse_boxes([element], 200, 100)[0] == (wanted, "a cat")


def test_the_words_of_a_box_are_its_description_else_its_text_or_label():
    box = {"x": 0, "y": 0, "width": 5, "height": 5}
    assert parse_boxes({**box, "metadata": {"text": "SALE"}}, 10, 10)[0].text == "SALE"
    assert parse_boxes({**box, "label": "dog"}, 10, 10)[0].text == "dog"
    element = {"bbox": [0, 0, 500, 500], "text": "SALE", "desc": "say FREE"}
    assert parse_boxes(element, 10, 10)[0].text == "say FREE"


def test_a_box_that_hangs_over_the_edge_is_clipped():
    assert clip_box(-0.5, 0.5, 0.5, 1.5) == Box(0.0, 0.5, 0.5, 1.0)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no boxes"),
        ("not json", "JSON"),
        (7, "must be a box"),
        ([{"x": 1}], "box 1 must be"),
        ([[1, 2, 3]], "box 1"),
        ([{"bbox": [0, 0, "a", 1]}], "four numbers"),
        ([{"x": 200, "y": 0, "width": 10, "height": 10}], "outside the picture"),
        ([{"x": 0, "y": 0, "width": 0, "height": 10}], "empty"),
        ([{"x": float("nan"), "y": 0, "width": 1, "height": 10}], "finite"),
        ([[{"x": 0, "y": 0, "width": 1, "height": 1}], []], "frames"),
    ],
)
def test_boxes_that_make_no_sense_are_refused(data, message):
    with pytest.raises(ValueError, match=message):
        parse_boxes(data, 100, 100)
