"""Boxes: one normal form, (x1, y1, x2, y2) as fractions of the picture."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

ROUNDING = 1e-6
"""Share of a token that a box must reach into it, so that rounding does not decide."""


class Box(NamedTuple):
    """Corners as fractions of the picture's width and height, 0 <= x1 < x2 <= 1."""

    x1: float
    y1: float
    x2: float
    y2: float


def clip_box(x1: float, y1: float, x2: float, y2: float, *, name: str = "box") -> Box:
    """A box clipped to the picture.

    Raises:
        ValueError: a corner is not finite, the box is empty, or it lies off the picture.
    """
    corners = tuple(float(value) for value in (x1, y1, x2, y2))
    shown = tuple(round(value, 4) for value in corners)
    if not all(math.isfinite(value) for value in corners):
        raise ValueError(f"{name} must have finite corners, got {shown}.")
    if x2 <= x1 or y2 <= y1:
        raise ValueError(
            f"{name} is empty: x1 < x2 and y1 < y2 are needed, got {shown}. Redraw or remove it."
        )
    clipped = Box(*(min(max(value, 0.0), 1.0) for value in corners))
    if clipped.x2 <= clipped.x1 or clipped.y2 <= clipped.y1:
        raise ValueError(
            f"{name} lies outside the picture: fractions in 0 .. 1 are needed, got {shown}. "
            "Check that width and height are those of the picture the box was drawn on."
        )
    return clipped


def box_to_grid(
    box: Box, grid: tuple[int, int], extent: tuple[float, float] | None = None
) -> Tensor:
    """Every token the box touches (IDAttn's rule: floor of the start, ceil of the end).

    Args:
        box: fractions of the picture.
        grid: (h, w) tokens.
        extent: (rows, columns) of tokens that the picture really spans; default: all.

    Returns:
        (h, w) bool with at least one True.
    """
    rows, columns = extent or (float(grid[0]), float(grid[1]))
    top, bottom = _touched(box.y1, box.y2, rows, grid[0])
    left, right = _touched(box.x1, box.x2, columns, grid[1])
    mask = torch.zeros(grid, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def _touched(start: float, stop: float, extent: float, cells: int) -> tuple[int, int]:
    """First and last + 1 of the cells that a box touches along one axis.

    A box that ends where a cell ends must not spill into the next by rounding: 464 of 720 pixels
    are 29 of 45 tokens, but ``464 / 720 * 45 > 29``.
    """
    first = min(math.floor(start * extent + ROUNDING), cells - 1)
    last = math.ceil(stop * extent - ROUNDING)
    return first, max(last, first + 1)
