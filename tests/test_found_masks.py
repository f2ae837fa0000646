"""Maps, Gaussian, token grids and velocity contrast."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter

from instance_edit.mask_ops.contrast import contrast_masks, velocity_contrast
from instance_edit.mask_ops.found_masks import (
    check_found,
    gather_tokens,
    min_max,
    smooth_maps,
    spread_tokens,
    threshold_maps,
)
from instance_edit.mask_ops.otsu import otsu_threshold


@pytest.mark.parametrize(("size", "sigma"), [(3, 1.0), (3, 0.5), (5, 0.8)])
def test_the_gaussian_is_scipys(size: int, sigma: float) -> None:
    maps = torch.rand(2, 9, 7, generator=torch.Generator().manual_seed(0))
    for one, smooth in zip(maps, smooth_maps(maps, size, sigma), strict=True):
        expected = gaussian_filter(one.double().numpy(), sigma, mode="nearest", radius=size // 2)
        torch.testing.assert_close(smooth.double(), torch.from_numpy(expected), atol=1e-6, rtol=0)


def test_min_max_stretches_each_map_and_keeps_a_constant_one_at_zero() -> None:
    maps = torch.stack([torch.arange(6.0).view(2, 3) + 4, torch.full((2, 3), 7.0)])
    stretched = min_max(maps)
    assert stretched[0].amin() == 0 and stretched[0].amax() == 1
    assert not stretched[1].any()


@pytest.mark.parametrize("size", [(8, 6), (7, 5), (8, 5), (7, 6)])
def test_tokens_come_back_from_the_latent(size: tuple[int, int]) -> None:
    grid = (-(-size[0] // 2), -(-size[1] // 2))
    tokens = torch.rand(3, *grid, generator=torch.Generator().manual_seed(1))
    spread = spread_tokens(tokens, 2, size)
    assert spread.shape == (3, *size)
    torch.testing.assert_close(gather_tokens(spread, 2), tokens)


def test_gathering_is_the_mean_of_each_tokens_pixels() -> None:
    maps = torch.rand(1, 3, 5, generator=torch.Generator().manual_seed(2))
    for i in range(2):
        for j in range(3):
            pixels = maps[0, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            torch.testing.assert_close(gather_tokens(maps, 2)[0, i, j], pixels.mean())


def test_patches_of_another_side_and_unequal_padding_keep_rows_and_columns_apart() -> None:
    maps = torch.rand(2, 7, 9, generator=torch.Generator().manual_seed(5))
    found = gather_tokens(maps, 4)
    assert found.shape == (2, 2, 3)
    for i in range(2):
        for j in range(3):
            pixels = maps[:, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4]
            torch.testing.assert_close(found[:, i, j], pixels.mean((1, 2)))
    assert torch.equal(spread_tokens(found, 4, (7, 9))[:, 6, 8], found[:, 1, 2])


def test_a_value_that_equals_its_threshold_is_outside() -> None:
    maps = torch.tensor([[[0.2, 0.5, 0.7]], [[0.2, 0.5, 0.7]]])
    found = threshold_maps(maps, torch.tensor([0.5, 0.2]))
    assert found.masks.tolist() == [[[False, False, True]], [[False, True, True]]]
    assert torch.equal(found.maps, maps) and found.thresholds.tolist() == pytest.approx([0.5, 0.2])


def test_a_gaussian_of_one_token_changes_nothing() -> None:
    maps = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(6))
    torch.testing.assert_close(smooth_maps(maps, 1, 1.0), maps)


def test_contrast_masks_are_smoothed_over_three_tokens_unless_told_otherwise() -> None:
    maps = torch.rand(2, 10, 8, generator=torch.Generator().manual_seed(7))
    found = contrast_masks(maps, 2)
    torch.testing.assert_close(found.maps, smooth_maps(gather_tokens(maps, 2), 3, 1.0))
    for smooth, threshold in zip(found.maps, found.thresholds, strict=True):
        assert threshold == otsu_threshold(smooth.flatten())


def test_every_instruction_that_found_nothing_is_named_and_the_others_are_not() -> None:
    masks = torch.zeros(3, 2, 2, dtype=torch.bool)
    masks[1, 0, 1] = True
    with pytest.raises(ValueError, match=r"instruction 1 \('a'\), 3 \('c'\): its map"):
        check_found(masks, ["a", "b", "c"])
    check_found(masks[1:2], ["b"])


def test_contrast_is_the_mean_absolute_difference() -> None:
    generator = torch.Generator().manual_seed(3)
    instructed = torch.randn(2, 3, 4, 6, 6, generator=generator)
    plain = torch.randn(3, 4, 6, 6, generator=generator)
    contrast = velocity_contrast(instructed, plain)
    for n in range(2):
        for y in range(6):
            for x in range(6):
                expected = sum(
                    abs(float(instructed[n, b, c, y, x] - plain[b, c, y, x]))
                    for b in range(3)
                    for c in range(4)
                )
                assert float(contrast[n, y, x]) == pytest.approx(expected / 12, rel=1e-5)


def test_contrast_finds_the_place_that_an_instruction_changes() -> None:
    plain = torch.zeros(1, 4, 12, 12)
    instructed = 0.01 * torch.randn(2, 1, 4, 12, 12, generator=torch.Generator().manual_seed(4))
    instructed[0, :, :, 2:6, 2:6] += 1.0
    instructed[1, :, :, 8:, 6:10] -= 1.0
    found = contrast_masks(velocity_contrast(instructed, plain), patch=2, size=1)
    expected = torch.zeros(2, 6, 6, dtype=torch.bool)
    expected[0, 1:3, 1:3] = True
    expected[1, 4:, 3:5] = True
    assert torch.equal(found.masks, expected)


def test_an_instruction_that_found_nothing_is_named() -> None:
    maps = torch.zeros(2, 3, 3)
    maps[0, 1, 1] = 1.0
    found = threshold_maps(maps, torch.full((2,), 0.5))
    with pytest.raises(ValueError, match=r"nothing was found for instruction 2 \('b'\)"):
        check_found(found.masks, ["a", "b"])
