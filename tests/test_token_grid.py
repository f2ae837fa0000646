"""Pixel masks to token grids: the rounding rule and smoothing."""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from instance_edit.mask_ops.smoothing import gaussian_kernel, smooth_masks
from instance_edit.mask_ops.token_grid import grid_coverage, masks_to_grid, resize_token_masks
from instance_edit.tests.naive_bias import naive_gaussian

SIDES = st.integers(1, 7)
Grid = tuple[int, int]
Extent = tuple[Fraction, Fraction]


def overlaps(cell: int, pixels: int, extent: Fraction) -> list[Fraction]:
    """How much of every pixel of a picture that spans ``extent`` cells lies in one cell."""
    step = extent / pixels
    return [
        max(Fraction(0), min((i + 1) * step, Fraction(cell + 1)) - max(i * step, Fraction(cell)))
        for i in range(pixels)
    ]


def naive_coverage(mask: Tensor, grid: Grid, extent: Extent) -> Tensor:
    """Mean of the mask over the part of the picture that each cell holds, in exact lengths."""
    out = torch.zeros(grid, dtype=torch.float64)
    for y in range(grid[0]):
        for x in range(grid[1]):
            rows = overlaps(y, mask.shape[0], extent[0])
            columns = overlaps(x, mask.shape[1], extent[1])
            area = sum(rows) * sum(columns)
            inside = sum(
                float(mask[i, j]) * float(row * column)
                for i, row in enumerate(rows)
                for j, column in enumerate(columns)
            )
            out[y, x] = inside / float(area) if area else 0.0
    return out


@settings(max_examples=80, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from([0, 1, 2, 3]), st.sampled_from([0, 1, 2, 3]))
def test_coverage_is_the_exact_area_average_of_what_the_picture_spans(
    height: int, width: int, h: int, w: int, short_rows: int, short_columns: int
) -> None:
    """Quarters of a token are missing at the bottom and at the right, not as many on both."""
    mask = torch.rand(height, width, generator=torch.Generator().manual_seed(height * 8 + width))
    extent = (h - Fraction(short_rows, 4), w - Fraction(short_columns, 4))
    found = grid_coverage(mask[None], (h, w), (float(extent[0]), float(extent[1])))[0]
    torch.testing.assert_close(
        found.double(), naive_coverage(mask, (h, w), extent), atol=1e-5, rtol=0
    )


def test_without_an_extent_the_picture_spans_the_whole_grid() -> None:
    mask = torch.rand(1, 5, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(grid_coverage(mask, (2, 3)), grid_coverage(mask, (2, 3), (2.0, 3.0)))
    assert torch.equal(masks_to_grid(mask, (2, 3)), masks_to_grid(mask, (2, 3), (2.0, 3.0)))


def test_a_cell_that_the_picture_does_not_reach_is_not_covered() -> None:
    found = grid_coverage(torch.ones(1, 4, 4), (3, 4), (1.5, 2.0))[0]
    assert found.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]]


def test_a_token_belongs_to_a_mask_that_covers_half_of_it() -> None:
    mask = torch.zeros(4, 4)
    mask[:, :3] = 1
    assert masks_to_grid(mask[None], (2, 2))[0].tolist() == [[True, True], [True, True]]
    mask[:2, 2] = 0
    assert masks_to_grid(mask[None], (2, 2))[0].tolist() == [[True, False], [True, True]]
    mask[3, 2] = 0
    assert masks_to_grid(mask[None], (2, 2))[0].tolist() == [[True, False], [True, False]]


def test_another_share_can_be_asked_for_and_is_reached_by_that_share() -> None:
    mask = torch.zeros(1, 4, 8)
    mask[0, :, :5] = 1  # the right token is covered by a quarter
    for coverage, wanted in ((0.25, [True, True]), (0.26, [True, False]), (1.0, [True, False])):
        assert masks_to_grid(mask, (1, 2), coverage=coverage)[0].tolist() == [wanted]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 15), st.integers(0, 15), st.integers(1, 5), st.integers(1, 5))
def test_a_single_pixel_never_loses_its_instance(y: int, x: int, h: int, w: int) -> None:
    mask = torch.zeros(1, 16, 16)
    mask[0, y, x] = 1
    tokens = masks_to_grid(mask, (h, w))[0]
    for row in range(h):
        for column in range(w):
            down = min((y + 1) * h, (row + 1) * 16) - max(y * h, row * 16)
            across = min((x + 1) * w, (column + 1) * 16) - max(x * w, column * 16)
            assert bool(tokens[row, column]) == (down > 0 and across > 0)


def test_a_thin_mask_keeps_every_token_that_it_passes_through() -> None:
    y, x = torch.meshgrid(torch.arange(512.0), torch.arange(512.0), indexing="ij")
    rope = ((x - y).abs() < 4).float()[None]
    touched = torch.nn.functional.max_pool2d(rope, 16)[0] > 0
    assert touched.sum() == 94
    for opacity in (1.0, 0.3):
        assert torch.equal(masks_to_grid(rope * opacity, (32, 32))[0], touched)
    wire = torch.zeros(1, 512, 512)
    wire[:, 100:103] = 1
    assert masks_to_grid(wire, (32, 32))[0].nonzero()[:, 0].unique().tolist() == [6]
    wire[:, 110:114] = 1
    assert masks_to_grid(wire, (32, 32))[0].nonzero()[:, 0].unique().tolist() == [6, 7]


def test_a_small_thing_keeps_the_tokens_it_touches_until_half_of_it_fills_whole_ones() -> None:
    """On tokens of 16 pixels."""
    lamp = torch.zeros(1, 128, 128)
    lamp[:, 25:52, 25:46] = 1  # 21 x 27 pixels; one token is filled, five more are touched
    assert masks_to_grid(lamp, (8, 8))[0].nonzero().tolist() == [
        [row, column] for row in (1, 2, 3) for column in (1, 2)
    ]
    larger = torch.zeros(1, 128, 128)
    larger[:, 25:56, 28:59] = 1  # three of nine tokens by at least half, and most of its pixels
    assert masks_to_grid(larger, (8, 8)).sum() == 3


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**16), st.integers(2, 6))
def test_a_hard_mask_that_fills_its_tokens_is_rounded_as_published(seed: int, h: int) -> None:
    """Ellipses of several tokens: those covered by half, and no other."""
    draw = torch.rand(4, generator=torch.Generator().manual_seed(seed))
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    middle, radii = 20 + 56 * draw[:2], 96 / h * (1.5 + draw[2:])
    mask = (((y - middle[0]) / radii[0]) ** 2 + ((x - middle[1]) / radii[1]) ** 2 < 1)[None]
    share = grid_coverage(mask, (h, h))
    assert torch.equal(masks_to_grid(mask, (h, h)), share >= 0.5 - 1e-6)


def test_each_mask_of_a_batch_keeps_its_own_token() -> None:
    masks = torch.zeros(3, 16, 16)
    masks[0, 1, 1], masks[1, 14, 3] = 0.01, 0.2
    tokens = masks_to_grid(masks, (2, 4))
    assert tokens.flatten(1).int().tolist() == [
        [1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 0, 0, 0],
        [0] * 8,
    ]


def test_levels_of_255_are_fractions() -> None:
    levels = torch.tensor([[[0, 51, 102, 255]]], dtype=torch.uint8)
    found = grid_coverage(levels, (1, 2))[0, 0]
    torch.testing.assert_close(found, torch.tensor([0.1, 0.7]))


def test_an_empty_mask_stays_empty() -> None:
    assert not masks_to_grid(torch.zeros(1, 8, 8), (4, 4)).any()


def test_a_padded_grid_is_covered_only_as_far_as_the_picture_reaches() -> None:
    for axis in (1, 2):
        right = torch.zeros(1, 17, 17)
        right.select(axis, 16).fill_(1)
        grid, extent = ((9, 4), (8.5, 4.0)) if axis == 1 else ((4, 9), (4.0, 8.5))
        tokens = masks_to_grid(right, grid, extent)[0]
        assert tokens.any(2 - axis).tolist() == [False] * 8 + [True]
        assert tokens.sum() == 4


def test_token_masks_on_another_grid_follow_the_same_rule() -> None:
    masks = torch.rand(3, 6, 4, generator=torch.Generator().manual_seed(0)) < 0.4
    assert torch.equal(resize_token_masks(masks, (6, 4)), masks)
    for grid in ((4, 6), (3, 4), (6, 2), (9, 5)):
        assert torch.equal(resize_token_masks(masks, grid), masks_to_grid(masks, grid))


@pytest.mark.parametrize("coverage", [0.0, 1.5])
def test_a_coverage_out_of_range_is_refused(coverage: float) -> None:
    with pytest.raises(ValueError, match="coverage"):
        masks_to_grid(torch.ones(1, 2, 2), (1, 1), coverage=coverage)


@pytest.mark.parametrize("size", [1, 3, 5, 11])
def test_smoothing_equals_the_naive_convolution(size: int) -> None:
    masks = torch.rand(2, 6, 7, generator=torch.Generator().manual_seed(size)) < 0.4
    wanted = naive_gaussian(masks, size).float()
    assert torch.allclose(smooth_masks(masks, size), wanted, atol=1e-6)


def test_the_kernel_follows_opencvs_sigma_and_sums_to_one() -> None:
    kernel = gaussian_kernel(3)
    ratio = float(kernel[1, 1] / kernel[1, 0])
    assert ratio == pytest.approx(math.exp(1 / (2 * 0.8**2)))
    assert float(kernel.sum()) == pytest.approx(1)


@pytest.mark.parametrize(("size", "sigma"), [(2, None), (0, None), (3, 0.0)])
def test_an_impossible_kernel_is_refused(size: int, sigma: float | None) -> None:
    with pytest.raises(ValueError, match="odd|sigma"):
        gaussian_kernel(size, sigma)


def test_a_width_of_ones_own_can_be_given() -> None:
    kernel = gaussian_kernel(5, 2.0)
    assert float(kernel[2, 2] / kernel[2, 1]) == pytest.approx(math.exp(1 / 8))
    assert float(kernel[2, 2] / kernel[0, 2]) == pytest.approx(math.exp(4 / 8))
    masks = torch.rand(1, 6, 7, generator=torch.Generator().manual_seed(0)) < 0.4
    assert not torch.allclose(smooth_masks(masks, 5, 2.0), smooth_masks(masks, 5))


@pytest.mark.parametrize("size", [1, 3, 5, 11, 31])
def test_a_smoothed_mask_never_exceeds_1_by_rounding(size: int) -> None:
    smooth = smooth_masks(torch.ones(1, 40, 50, dtype=torch.bool), size)
    assert float(smooth.max()) <= 1.0 and float(smooth[0, 20, 25]) == pytest.approx(1.0)
