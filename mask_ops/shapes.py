"""Shapes of a drawn instance, and which pixels of a picture they cover.

A shape covers a pixel if the pixel's centre lies in it. The canvas's JavaScript repeats this in the
same order of operations; `tests/canvas_cases.json` holds both to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from .boxes import Box
from .fit import Size
from .png import read_png

Op = Literal["add", "subtract"]
Point = tuple[float, float]
FULL = 255
LONGEST = 2048
"""Pixels of the longer side of the masks that are drawn for a larger picture."""


@dataclass(frozen=True)
class BoxShape:
    """A rectangle; corners as fractions of the picture."""

    op: Op
    box: Box


@dataclass(frozen=True)
class Polygon:
    """Corners (x, y) as fractions of the picture; closed by itself, inside by the even-odd rule."""

    op: Op
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Stroke:
    """A round brush along a polyline; its radius is a fraction of the picture's shorter side."""

    op: Op
    points: tuple[Point, ...]
    radius: float


@dataclass(frozen=True)
class Painted:
    """A mask as the base64 of a grey PNG, stretched over the picture."""

    op: Op
    png: str


Shape = BoxShape | Polygon | Stroke | Painted


def raster_size(size: Size, masks: Sequence[Size] = ()) -> Size:
    """(H, W) of the masks that are drawn for a picture of a size.

    It is the picture's own; a longer side above 2048 becomes 2048, unless one of the PNGs has the
    size of the picture, which then stays as it is.

    Args:
        masks: sizes of the PNGs.
    """
    longer = max(size)
    if longer <= LONGEST or size in masks:
        return size
    return (_scaled(size[0], longer), _scaled(size[1], longer))


def _scaled(side: int, longer: int) -> int:
    return max(1, int(side * LONGEST / longer + 0.5))


def draw_shapes(shapes: Sequence[Shape], size: Size) -> Tensor:
    """(H, W) uint8, 255 inside: each shape in turn covers or uncovers what came before."""
    drawn = torch.zeros(size, dtype=torch.uint8)
    for shape in shapes:
        covered = cover(shape, size)
        if shape.op == "add":
            drawn = torch.maximum(drawn, covered)
        else:
            drawn = torch.minimum(drawn, FULL - covered)
    return drawn


def cover(shape: Shape, size: Size) -> Tensor:
    """(H, W) uint8: how much of each pixel a shape covers, whatever its op; 255 is all."""
    if isinstance(shape, Painted):
        return _stretched(read_png(shape.png), size)
    if isinstance(shape, BoxShape):
        inside = _cover_box(shape.box, size)
    elif isinstance(shape, Polygon):
        inside = _cover_polygon(_pixels(shape.points, size), size)
    else:
        inside = _cover_stroke(_pixels(shape.points, size), shape.radius * min(size), size)
    return inside.to(torch.uint8) * FULL


def _pixels(points: Sequence[Point], size: Size) -> list[Point]:
    return [(x * size[1], y * size[0]) for x, y in points]


def _centres(count: int) -> Tensor:
    return torch.arange(count, dtype=torch.float64, device="cpu") + 0.5


def _cover_box(box: Box, size: Size) -> Tensor:
    rows, columns = _centres(size[0]), _centres(size[1])
    tall = (box.y1 * size[0] <= rows) & (rows < box.y2 * size[0])
    wide = (box.x1 * size[1] <= columns) & (columns < box.x2 * size[1])
    return tall[:, None] & wide


def _cover_polygon(points: Sequence[Point], size: Size) -> Tensor:
    """Even-odd: an edge turns every pixel of its rows that lies to its left."""
    inside = torch.zeros(size, dtype=torch.bool)
    rows, columns = _centres(size[0]), _centres(size[1])
    for (xa, ya), (xb, yb) in pairwise([*points, points[0]]):
        crossed = ((ya <= rows) != (yb <= rows)).nonzero()[:, 0]
        if len(crossed):
            edge = ((rows[crossed] - ya) * (xb - xa)) / (yb - ya) + xa
            inside[crossed] ^= columns < edge[:, None]
    return inside


def _cover_stroke(points: Sequence[Point], radius: float, size: Size) -> Tensor:
    """Whatever is no further than the radius from the line; one point is a dot."""
    inside = torch.zeros(size, dtype=torch.bool)
    for a, b in pairwise([points[0], *points] if len(points) == 1 else points):
        rows = _near(a[1], b[1], radius, size[0])
        columns = _near(a[0], b[0], radius, size[1])
        away = _squared_distance(a, b, _centres(size[0])[rows, None], _centres(size[1])[columns])
        inside[rows, columns] |= away <= radius * radius
    return inside


def _near(a: float, b: float, radius: float, count: int) -> slice:
    """The pixels along one axis that a stroke from a to b may reach."""
    first, last = int(min(a, b) - radius) - 1, int(max(a, b) + radius) + 1
    return slice(max(first, 0), min(max(last, 0), count))


def _squared_distance(a: Point, b: Point, y: Tensor, x: Tensor) -> Tensor:
    """Of every pixel from the line between two points."""
    across, down = b[0] - a[0], b[1] - a[1]
    length = across * across + down * down
    place = ((x - a[0]) * across + (y - a[1]) * down) / length if length else torch.zeros(())
    place = place.clamp(0, 1)
    off_x, off_y = a[0] + place * across - x, a[1] + place * down - y
    return off_x * off_x + off_y * off_y


def _stretched(mask: Tensor, size: Size) -> Tensor:
    """A (h, w) mask on a picture's pixels: each has the value under its centre."""
    high, wide = mask.shape
    rows = (_centres(size[0]) * high / size[0]).long().clamp(max=high - 1)
    columns = (_centres(size[1]) * wide / size[1]).long().clamp(max=wide - 1)
    return mask[rows[:, None], columns]
