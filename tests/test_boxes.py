"""Boxes in all their forms."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instance_edit.mask_ops.boxes import Box, box_to_grid, clip_box

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


def test_a_box_that_hangs_over_the_edge_is_clipped() -> None:
    assert clip_box(-0.5, 0.5, 0.5, 1.5) == Box(0.0, 0.5, 0.5, 1.0)
    assert clip_box(0.5, -0.5, 1.5, 0.5) == Box(0.5, 0.0, 1.0, 0.5)


@pytest.mark.parametrize(
    "corners", [(1.0, 0.0, 2.0, 1.0), (-1.0, 0.0, 0.0, 1.0), (0, 1, 1, 2), (0, -1, 1, 0)]
)
def test_a_box_that_only_touches_the_picture_from_outside_is_refused(corners: Corners) -> None:
    with pytest.raises(ValueError, match="outside the picture"):
        clip_box(*corners)
