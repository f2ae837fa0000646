"""Shapes on pixels: against naive loops in exact fractions, and the order of add and subtract."""

from __future__ import annotations

from fractions import Fraction as F
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.png import write_png
from instance_edit.mask_ops.shapes import (
    BoxShape,
    Painted,
    Polygon,
    Shape,
    Stroke,
    cover,
    draw_shapes,
    raster_size,
)

# Eighths on sides that are powers of two: floats are exact here, so both sides must agree.
PLACES = st.integers(0, 8).map(lambda n: n / 8)
POINTS = st.tuples(PLACES, PLACES)
SIZES = st.sampled_from([(8, 8), (4, 16), (16, 8), (1, 4)])
Exact = tuple[F, F]


def in_box(x: F, y: F, box: Box) -> bool:
    x1, y1, x2, y2 = map(F, box)
    return x1 <= x < x2 and y1 <= y < y2


def in_polygon(x: F, y: F, points: list[Exact]) -> bool:
    """A ray to the right crosses its edges an odd number of times."""
    crossings = 0
    for i, (xa, ya) in enumerate(points):
        xb, yb = points[(i + 1) % len(points)]
        if min(ya, yb) <= y < max(ya, yb) and x < xa + (y - ya) / (yb - ya) * (xb - xa):
            crossings += 1
    return crossings % 2 == 1


def on_stroke(x: F, y: F, points: list[Exact], radius: F) -> bool:
    """Within the radius of a corner, or beside a segment and within the radius of its line."""
    for i, (xa, ya) in enumerate(points):
        if (x - xa) ** 2 + (y - ya) ** 2 <= radius**2:
            return True
        xb, yb = points[min(i + 1, len(points) - 1)]
        across, down = xb - xa, yb - ya
        length = across**2 + down**2
        along = (x - xa) * across + (y - ya) * down
        beside = (x - xa) * down - (y - ya) * across
        if 0 < along < length and beside**2 <= radius**2 * length:
            return True
    return False


def naive(shape: Shape, size: tuple[int, int]) -> list[list[bool]]:
    height, width = size

    def inside(x: F, y: F) -> bool:
        if isinstance(shape, BoxShape):
            return in_box(x / width, y / height, shape.box)
        assert isinstance(shape, Polygon | Stroke)
        points = [(F(px) * width, F(py) * height) for px, py in shape.points]
        if isinstance(shape, Polygon):
            return in_polygon(x, y, points)
        return on_stroke(x, y, points, F(shape.radius) * min(size))

    half = F(1, 2)
    return [[inside(x + half, y + half) for x in range(width)] for y in range(height)]


def test_a_box_has_its_left_and_upper_edge_alone() -> None:
    found = cover(BoxShape("add", Box(0.125, 0.125, 0.375, 0.625)), (4, 4))
    assert (found // 255).tolist() == [[1, 0, 0, 0], [1, 0, 0, 0], [0] * 4, [0] * 4]


@settings(max_examples=60, deadline=None)
@given(st.lists(POINTS, min_size=3, max_size=7), SIZES)
def test_a_polygon_covers_the_centres_that_the_naive_ray_finds(
    points: list[Any], size: tuple[int, int]
) -> None:
    shape = Polygon("add", tuple(points))
    assert (cover(shape, size) == 255).tolist() == naive(shape, size)


@settings(max_examples=60, deadline=None)
@given(st.lists(POINTS, min_size=1, max_size=4), st.integers(1, 8), SIZES)
def test_a_stroke_covers_the_centres_that_are_near_its_line(
    points: list[Any], radius: int, size: tuple[int, int]
) -> None:
    """An odd number of sixteenths, squared, is met by no distance of these points exactly."""
    shape = Stroke("add", tuple(points), (2 * radius + 1) / 64)
    assert (cover(shape, size) == 255).tolist() == naive(shape, size)


def test_shapes_act_in_their_order() -> None:
    whole, left = BoxShape("add", Box(0, 0, 1, 1)), Box(0, 0, 0.5, 1)
    without, again = BoxShape("subtract", left), BoxShape("add", left)
    assert draw_shapes([whole, without], (1, 2)).tolist() == [[0, 255]]
    assert draw_shapes([without, whole], (1, 2)).tolist() == [[255, 255]]
    assert draw_shapes([whole, without, again], (1, 2)).tolist() == [[255, 255]]
    assert draw_shapes([], (1, 2)).tolist() == [[0, 0]]


def test_soft_masks_add_to_the_larger_and_subtract_to_the_smaller() -> None:
    png = write_png(torch.tensor([[0, 100, 200]], dtype=torch.uint8))
    other = write_png(torch.tensor([[50, 50, 150]], dtype=torch.uint8))
    shapes = [Painted("add", png), Painted("add", other)]
    assert draw_shapes(shapes, (1, 3)).tolist() == [[50, 100, 200]]
    shapes = [Painted("add", png), Painted("subtract", other)]
    assert draw_shapes(shapes, (1, 3)).tolist() == [[0, 100, 105]]


def test_a_mask_of_another_size_has_the_value_under_each_centre() -> None:
    png = write_png(torch.tensor([[10, 20, 30]], dtype=torch.uint8))
    assert draw_shapes([Painted("add", png)], (2, 5)).tolist() == [[10, 10, 20, 30, 30]] * 2
    assert draw_shapes([Painted("add", png)], (1, 2)).tolist() == [[10, 30]]


@pytest.mark.parametrize(
    ("size", "masks", "wanted"),
    [
        ((2048, 1000), [], (2048, 1000)),
        ((1500, 3000), [], (1024, 2048)),
        ((1500, 3000), [(1500, 3000)], (1500, 3000)),
        ((1500, 3000), [(150, 300)], (1024, 2048)),
        ((1, 4097), [], (1, 2048)),
    ],
)
def test_a_picture_above_2048_is_drawn_smaller_unless_a_mask_has_its_size(
    size: Any, masks: Any, wanted: Any
) -> None:
    assert raster_size(size, masks) == wanted
