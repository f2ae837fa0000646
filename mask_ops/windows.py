"""Which windows of a latent to decode, so that all that is needed is there at the least cost."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

Grid = tuple[int, int]


class Cells(NamedTuple):
    """A rectangle of latent cells, half open."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def area(self) -> int:
        """In cells."""
        return (self.bottom - self.top) * (self.right - self.left)


class DecodeWindow(NamedTuple):
    """What is taken from a decoded window, and what has to be decoded for it.

    Attributes:
        inner: the cells whose pixels are used.
        outer: ``inner`` with its halo, inside the picture.
    """

    inner: Cells
    outer: Cells


def needed_cells(weight: Tensor, factor: int) -> Tensor:
    """(h, w) bool: the cells of which some pixel is taken.

    Args:
        weight: (H, W) of the picture, 0 where nothing is taken; the last cells may be cut.
    """
    taken = (weight > 0).float()[None, None]
    return F.max_pool2d(taken, factor, ceil_mode=True)[0, 0] > 0


def decode_windows(needed: Tensor, halo: int, least: int = 1) -> list[DecodeWindow]:
    """Windows that hold every needed cell, with a halo of cells wherever the picture has them.

    The box around all of them is cut in two where the parts with their halos have fewer cells than
    the whole, and each part again. So windows that overlap or lie close are one where that is
    cheaper, and regions all over the picture are one window over all of it.

    Args:
        needed: (h, w) bool.
        halo: cells around what is taken, >= 0.
        least: cells that a side must have at least, if the picture has them.

    Returns:
        Windows whose ``inner`` parts do not overlap; none if nothing is needed.
    """
    grid = (needed.shape[0], needed.shape[1])
    around = _bounds(needed, Cells(0, 0, *grid))
    if around is None:
        return []

    def cost(inner: Cells) -> int:
        return widened(inner, grid, halo, least).area

    return [
        DecodeWindow(inner, widened(inner, grid, halo, least))
        for inner in _cut(needed, around, cost)
    ]


def widened(inner: Cells, grid: Grid, halo: int, least: int = 1) -> Cells:
    """A rectangle with a halo on every side, as far as the grid reaches."""
    top, bottom = _widen_side(inner.top, inner.bottom, grid[0], halo, least)
    left, right = _widen_side(inner.left, inner.right, grid[1], halo, least)
    return Cells(top, left, bottom, right)


def _widen_side(first: int, last: int, cells: int, halo: int, least: int) -> tuple[int, int]:
    first, last = max(first - halo, 0), min(last + halo, cells)
    length = max(last - first, min(least, cells))
    first = min(max(first - (length - last + first) // 2, 0), cells - length)
    return first, first + length


def _cut(needed: Tensor, around: Cells, cost: Callable[[Cells], int]) -> list[Cells]:
    """The box, or the boxes of the cheapest cut, each cut again."""
    best = min(_pairs(needed, around), key=lambda pair: cost(pair[0]) + cost(pair[1]), default=None)
    if best is None or cost(best[0]) + cost(best[1]) >= cost(around):
        return [around]
    return [*_cut(needed, best[0], cost), *_cut(needed, best[1], cost)]


def _pairs(needed: Tensor, around: Cells) -> Iterator[tuple[Cells, Cells]]:
    """The boxes on both sides of every cut through a box."""
    top, left, bottom, right = around
    halves = [
        (Cells(top, left, y, right), Cells(y, left, bottom, right)) for y in range(top + 1, bottom)
    ]
    halves += [
        (Cells(top, left, bottom, x), Cells(top, x, bottom, right)) for x in range(left + 1, right)
    ]
    for one, other in halves:
        first, second = _bounds(needed, one), _bounds(needed, other)
        if first is not None and second is not None:
            yield first, second


def _bounds(needed: Tensor, within: Cells) -> Cells | None:
    """The least box around the needed cells in a box."""
    top, left, bottom, right = within
    part = needed[top:bottom, left:right]
    rows, columns = part.any(1).nonzero(), part.any(0).nonzero()
    if not len(rows):
        return None
    return Cells(
        top + int(rows[0]),
        left + int(columns[0]),
        top + int(rows[-1]) + 1,
        left + int(columns[-1]) + 1,
    )
