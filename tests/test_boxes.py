"""Boxes in all their forms."""

import json
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instance_edit.mask_ops.boxes import Box, LabelledBox, box_to_grid, clip_box, parse_boxes

Corners = tuple[int, int, int, int]


def touched(box: Box, grid: tuple[int, int], extent: tuple[float, float] | None = None) -> Corners:
    """First row, row after the last, first column, column after the last; all between are in."""
    mask = box_to_grid(box, grid, extent)
    rows, columns = (mask.any(dim).nonzero()[:, 0].tolist() for dim in (1, 0))
    assert bool(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all())
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


def test_a_box_takes_every_token_it_touches() -> None:
    mask = box_to_grid(Box(0.3, 0.0, 0.55, 0.5), (4, 4))
    assert mask.int().tolist() == [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


@st.composite
def pixel_boxes(draw: st.DrawFn) -> tuple[tuple[int, int], Corners]:
    """(height, width) of a picture, and x1, y1, x2, y2 in its pixels."""
    height, width = draw(st.integers(2, 2048)), draw(st.integers(2, 2048))
    x1, y1 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    x2, y2 = draw(st.integers(x1 + 1, width)), draw(st.integers(y1 + 1, height))
    return (height, width), (x1, y1, x2, y2)


@given(pixel_boxes(), st.integers(1, 128), st.integers(1, 128), st.booleans(), st.booleans())
def test_of_whole_pixels_it_takes_floor_of_the_start_to_ceil_of_the_end_in_exact_numbers(
    case: tuple[tuple[int, int], Corners], h: int, w: int, cut_rows: bool, cut_columns: bool
) -> None:
    """An odd latent's picture spans half a token less than the grid, on either axis."""
    (height, width), (x1, y1, x2, y2) = case
    rows, columns = Fraction(2 * h - cut_rows, 2), Fraction(2 * w - cut_columns, 2)
    box = Box(x1 / width, y1 / height, x2 / width, y2 / height)
    assert touched(box, (h, w), (float(rows), float(columns))) == (
        math.floor(Fraction(y1, height) * rows),
        math.ceil(Fraction(y2, height) * rows),
        math.floor(Fraction(x1, width) * columns),
        math.ceil(Fraction(x2, width) * columns),
    )


@pytest.mark.parametrize(
    ("pixels", "tokens", "start", "stop"),
    [(25, 25, 7, 7), (720, 45, 464, 29), (360, 45, 104, 13), (720, 45, 208, 13)],
)
def test_a_pixel_at_the_edge_of_a_token_does_not_touch_the_next_one_by_rounding(
    pixels: int, tokens: int, start: int, stop: int
) -> None:
    """7 / 25 * 25 and 464 / 720 * 45 are more than 7 and 29, 104 / 360 * 45 is less than 13."""
    assert start / pixels * tokens != stop
    edge = start / pixels
    assert touched(Box(0, 0, 1, edge), (tokens, 1))[:2] == (0, stop)
    assert touched(Box(0, edge, 1, 1), (tokens, 1))[:2] == (stop, tokens)
    assert touched(Box(0, 0, edge, 1), (1, tokens))[2:] == (0, stop)
    assert touched(Box(edge, 0, 1, 1), (1, tokens))[2:] == (stop, tokens)


def test_a_millionth_of_a_token_is_not_touched_and_two_are() -> None:
    assert touched(Box(0, 0, 0.5 + 0.4e-6, 1), (1, 2))[2:] == (0, 1)
    assert touched(Box(0, 0, 0.5 + 1e-6, 1), (1, 2))[2:] == (0, 2)
    assert touched(Box(0.5 - 0.4e-6, 0, 1, 1), (1, 2))[2:] == (1, 2)
    assert touched(Box(0.5 - 1e-6, 0, 1, 1), (1, 2))[2:] == (0, 2)


def test_the_thinnest_box_takes_one_token_even_at_the_far_edge() -> None:
    thin = 1e-12
    assert touched(Box(0.5 - thin, 0.5 - thin, 0.5 + thin, 0.5 + thin), (4, 6)) == (2, 3, 3, 4)
    assert touched(Box(1 - thin, 1 - thin, 1, 1), (4, 6)) == (3, 4, 5, 6)


def test_a_box_ends_where_the_picture_ends_on_a_padded_grid() -> None:
    assert box_to_grid(Box(0.0, 0.0, 1.0, 1.0), (2, 9), (2.0, 8.5)).all()
    right = box_to_grid(Box(0.9, 0.0, 1.0, 1.0), (1, 9), (1.0, 8.5))
    assert right[0].tolist() == [False] * 7 + [True, True]


def test_all_forms_of_the_same_box_mean_the_same() -> None:
    wanted = Box(0.25, 0.5, 0.75, 0.9)
    pixels = {"x": 50, "y": 50, "width": 100, "height": 40}
    element = {"type": "obj", "bbox": [500, 250, 900, 750], "desc": "a cat"}
    for data in (pixels, [pixels], [[pixels]], [50, 50, 150, 90], [[50, 50, 150, 90]]):
        assert parse_boxes(data, 200, 100) == [LabelledBox(wanted, "")]
        assert parse_boxes(json.dumps(data), 200, 100) == [LabelledBox(wanted, "")]
    assert parse_boxes([element], 200, 100) == [LabelledBox(wanted, "a cat")]


def test_a_frame_may_hold_its_boxes_as_mappings_lists_or_tuples() -> None:
    for box in ({"x": 0, "y": 0, "width": 5, "height": 5}, [0, 0, 5, 5], (0, 0, 5, 5)):
        assert len(parse_boxes([[box, box]], 10, 10)) == 2


def test_several_boxes_keep_their_order() -> None:
    found = parse_boxes([[0, 0, 10, 10], [10, 0, 20, 10], [20, 0, 30, 10]], 100, 10)
    assert [box.x1 for box, _ in found] == [0.0, 0.1, 0.2]


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


def test_a_box_that_hangs_over_the_edge_is_clipped() -> None:
    assert clip_box(-0.5, 0.5, 0.5, 1.5) == Box(0.0, 0.5, 0.5, 1.0)
    assert clip_box(0.5, -0.5, 1.5, 0.5) == Box(0.5, 0.0, 1.0, 0.5)


@pytest.mark.parametrize(
    "corners", [(1.0, 0.0, 2.0, 1.0), (-1.0, 0.0, 0.0, 1.0), (0, 1, 1, 2), (0, -1, 1, 0)]
)
def test_a_box_that_only_touches_the_picture_from_outside_is_refused(corners: Corners) -> None:
    with pytest.raises(ValueError, match="outside the picture"):
        clip_box(*corners)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no boxes"),
        ([[]], "no boxes"),
        ("not json", "JSON"),
        ('"a box"', "must be a box"),
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
        parse_boxes([[0, 0, 1, 1]], *size)
    assert parse_boxes([[0, 0, 1, 1]], 1, 1)[0].box == Box(0, 0, 1, 1)
