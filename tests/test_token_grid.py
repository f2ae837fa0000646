"""Pixel masks to token grids: the rounding rule, smoothing and overlaps."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.mask_ops.overlap import resolve_overlap
from instance_edit.mask_ops.smoothing import gaussian_kernel, smooth_masks
from instance_edit.mask_ops.token_grid import grid_coverage, masks_to_grid
from instance_edit.tests.naive_bias import naive_gaussian

SIDES = st.integers(1, 7)


def naive_coverage(mask, grid):
    """Area average by sampling every pixel finely: 60 divides by all small grids."""
    fine = mask.repeat_interleave(60, 0).repeat_interleave(60, 1)
    rows, columns = fine.shape[0] // grid[0], fine.shape[1] // grid[1]
    cells = fine[: rows * grid[0], : columns * grid[1]].reshape(grid[0], rows, grid[1], columns)
    return cells.mean((1, 3))


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, st.sampled_from([1, 2, 3, 4, 5, 6]), st.sampled_from([1, 2, 3, 4, 5, 6]))
def test_coverage_is_the_exact_area_average(height, width, h, w):
    mask = torch.rand(height, width, generator=torch.Generator().manual_seed(height * 8 + width))
    found = grid_coverage(mask[None], (h, w))[0]
    assert torch.allclose(found, naive_coverage(mask, (h, w)), atol=1e-5)


def test_a_token_belongs_to_a_mask_that_covers_half_of_it():
    mask = torch.zeros(4, 4)
    mask[:, :3] = 1
    assert masks_to_grid(mask[None], (2, 2))[0].tolist() == [[True, True], [True, True]]
    mask[:2, 2] = 0
    assert masks_to_grid(mask[None], (2, 2))[0].tolist() == [[True, False], [True, True]]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 15), st.integers(0, 15), st.integers(1, 5), st.integers(1, 5))
def test_a_single_pixel_never_loses_its_instance(y, x, h, w):
    mask = torch.zeros(1, 16, 16)
    mask[0, y, x] = 1
    tokens = masks_to_grid(mask, (h, w))[0]
    assert tokens.sum() == 1
    row, column = tokens.nonzero()[0].tolist()
    assert row <= (y + 1) * h / 16 and y * h / 16 <= row + 1
    assert column <= (x + 1) * w / 16 and x * w / 16 <= column + 1


def test_an_empty_mask_stays_empty():
    assert not masks_to_grid(torch.zeros(1, 8, 8), (4, 4)).any()


def test_a_padded_grid_is_covered_only_as_far_as_the_picture_reaches():
    full = torch.ones(1, 8, 17)
    assert torch.allclose(grid_coverage(full, (4, 9), (4.0, 8.5)), torch.ones(1, 4, 9))
    right = torch.zeros(1, 8, 17)
    right[..., 16:] = 1
    tokens = masks_to_grid(right, (4, 9), (4.0, 8.5))[0]
    assert tokens.any(0).tolist() == [False] * 8 + [True]


@pytest.mark.parametrize("coverage", [0.0, 1.5])
def test_a_coverage_out_of_range_is_refused(coverage):
    with pytest.raises(ValueError, match="coverage"):
        masks_to_grid(torch.ones(1, 2, 2), (1, 1), coverage=coverage)


@pytest.mark.parametrize("size", [1, 3, 5, 11])
def test_smoothing_equals_the_naive_convolution(size):
    masks = torch.rand(2, 6, 7, generator=torch.Generator().manual_seed(size)) < 0.4
    wanted = naive_gaussian(masks, size).float()
    assert torch.allclose(smooth_masks(masks, size), wanted, atol=1e-6)


def test_the_kernel_follows_opencvs_sigma_and_sums_to_one():
    kernel = gaussian_kernel(3)
    ratio = float(kernel[1, 1] / kernel[1, 0])
    assert ratio == pytest.approx(math.exp(1 / (2 * 0.8**2)))
    assert float(kernel.sum()) == pytest.approx(1)


@pytest.mark.parametrize(("size", "sigma"), [(2, None), (0, None), (3, 0.0)])
def test_an_impossible_kernel_is_refused(size, sigma):
    with pytest.raises(ValueError, match="odd|sigma"):
        gaussian_kernel(size, sigma)


def nested_masks():
    masks = torch.zeros(3, 2, 4, dtype=torch.bool)
    masks[0, :, :3] = True
    masks[1, 0, 2:] = True
    masks[2, 0, 2] = True
    return masks


def test_shared_overlap_leaves_the_masks_alone():
    assert torch.equal(resolve_overlap(nested_masks(), "shared"), nested_masks())


def test_the_smaller_mask_owns_every_contested_token():
    owned = resolve_overlap(nested_masks(), "smaller wins")
    assert owned[:, 0, 2].tolist() == [False, False, True]
    assert owned[:, 0, 3].tolist() == [False, True, False]
    assert owned.sum(0).max() == 1


def test_the_first_mask_owns_every_contested_token():
    masks = nested_masks()[:2]
    owned = resolve_overlap(masks, "first wins")
    assert torch.equal(owned[0], masks[0])
    assert owned[1].sum() == 1


def test_an_instance_that_would_lose_its_last_token_is_named():
    with pytest.raises(ValueError, match="instance 3 would lose its last token"):
        resolve_overlap(nested_masks(), "first wins")


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="policy"):
        resolve_overlap(nested_masks(), "larger wins")
