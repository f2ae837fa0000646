"""The windows that are decoded hold all that is needed, and cost no more than the whole picture."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from instance_edit.mask_ops.windows import Cells, decode_windows, needed_cells, widened


def cells(*boxes: Cells, grid: tuple[int, int] = (40, 50)) -> Tensor:
    needed = torch.zeros(grid, dtype=torch.bool)
    for top, left, bottom, right in boxes:
        needed[top:bottom, left:right] = True
    return needed


def naive_widened(inner: Cells, grid: tuple[int, int], halo: int) -> set[tuple[int, int]]:
    """Every cell at most ``halo`` from one of the inner ones, by loops."""
    return {
        (y + down, x + across)
        for y in range(inner.top, inner.bottom)
        for x in range(inner.left, inner.right)
        for down in range(-halo, halo + 1)
        for across in range(-halo, halo + 1)
        if 0 <= y + down < grid[0] and 0 <= x + across < grid[1]
    }


def listed(box: Cells) -> set[tuple[int, int]]:
    return {(y, x) for y in range(box.top, box.bottom) for x in range(box.left, box.right)}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 4), st.integers(1, 9), st.integers(0, 2**16))
def test_every_needed_cell_is_in_one_window_with_its_halo(halo: int, least: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    needed = torch.rand(13, 17, generator=generator) > 0.95
    windows = decode_windows(needed, halo, least)
    inner = [listed(window.inner) for window in windows]
    assert sum(map(len, inner)) == len(set().union(*inner))
    assert {(y, x) for y, x in needed.nonzero().tolist()} <= set().union(*inner)
    for window in windows:
        outer = listed(window.outer)
        assert naive_widened(window.inner, (13, 17), halo) <= outer
        sides = (
            window.outer.bottom - window.outer.top,
            window.outer.right - window.outer.left,
        )
        assert min(sides) >= min(least, 13) and sides[0] <= 13 and sides[1] <= 17
    assert sum(window.outer.area for window in windows) <= 13 * 17


def test_a_window_is_no_wider_than_its_halo_and_least_side_ask() -> None:
    inner = Cells(10, 20, 14, 26)
    assert widened(inner, (40, 50), 3) == (7, 17, 17, 29)
    assert widened(inner, (40, 50), 3, least=20) == (2, 13, 22, 33)
    assert widened(Cells(0, 48, 2, 50), (40, 50), 3, least=20) == (0, 30, 20, 50)
    assert widened(inner, (12, 15), 0, least=20)[::2] == (0, 12)


@pytest.mark.parametrize(("gap", "windows"), [(5, 1), (6, 1), (7, 2), (20, 2)])
def test_windows_are_joined_where_that_costs_no_more(gap: int, windows: int) -> None:
    """Side by side with a halo of 3: 4 + 4 + gap columns with one halo, or two with one each."""
    needed = cells(Cells(10, 10, 14, 14), Cells(10, 14 + gap, 14, 18 + gap))
    assert len(decode_windows(needed, halo=3)) == windows


def test_what_lies_diagonally_is_decoded_apart() -> None:
    first, second = Cells(10, 10, 14, 14), Cells(14, 14, 18, 18)
    assert [window.inner for window in decode_windows(cells(first, second), 0)] == [first, second]
    assert len(decode_windows(cells(first, second), 3)) == 1


def test_many_windows_that_would_cost_as_much_become_the_whole_picture() -> None:
    dots = cells(*(Cells(y, x, y + 2, x + 2) for y in range(2, 38, 8) for x in range(2, 48, 8)))
    [window] = decode_windows(dots, halo=8)
    assert window.outer == (0, 0, 40, 50)


def test_nothing_needed_is_no_window() -> None:
    assert decode_windows(cells(), halo=3) == []


def test_a_cell_is_needed_if_one_of_its_pixels_is_taken() -> None:
    weight = torch.zeros(24, 32)
    weight[8, 31] = 0.01
    assert needed_cells(weight, factor=8).nonzero().tolist() == [[1, 3]]
