"""Outside the feathered union the source's pixels are exactly the source's."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.mask_ops.composite import (
    background_change,
    composite,
    feathered_union,
    stretch,
)


def naive_distance(mask: torch.Tensor) -> torch.Tensor:
    """Chessboard distance of every pixel to the mask, by loops."""
    h, w = mask.shape
    inside = mask.nonzero().tolist()
    out = torch.zeros(h, w, dtype=torch.int64)
    for y in range(h):
        for x in range(w):
            out[y, x] = min(max(abs(y - a), abs(x - b)) for a, b in inside)
    return out


def naive_feather(mask: torch.Tensor, grow: int, feather: int) -> torch.Tensor:
    """The grown mask under a window of squared cosines, by loops; the border repeats."""
    h, w = mask.shape
    radius = (feather + 1) // 2
    wide = naive_distance(mask) <= grow + radius
    offsets = range(-radius, radius + 1)
    line = [math.cos(math.pi * x / (2 * radius + 2)) ** 2 for x in offsets]
    out = torch.zeros(h, w)
    for y in range(h):
        for x in range(w):
            for dy, down in zip(offsets, line, strict=True):
                for dx, across in zip(offsets, line, strict=True):
                    at = min(max(y + dy, 0), h - 1), min(max(x + dx, 0), w - 1)
                    out[y, x] += down * across / sum(line) ** 2 * bool(wide[at])
    return out


@pytest.mark.parametrize(("grow", "feather"), [(0, 1), (0, 2), (1, 3), (2, 4), (0, 5)])
def test_the_feather_is_a_window_of_squared_cosines(grow: int, feather: int) -> None:
    masks = torch.zeros(2, 11, 13, dtype=torch.bool)
    masks[0, 4, 6], masks[1, 10, 0:2] = True, True
    found = feathered_union(masks, grow, feather)
    torch.testing.assert_close(found, naive_feather(masks.any(0), grow, feather))


def test_without_a_feather_the_edge_is_hard() -> None:
    masks = torch.zeros(1, 7, 9, dtype=torch.bool)
    masks[0, 3, 4] = True
    assert torch.equal(feathered_union(masks), masks[0].float())
    grown = feathered_union(masks, grow=2)
    assert grown[1:6, 2:7].all() and grown.sum() == 25


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3), st.integers(0, 6), st.integers(0, 2**16))
def test_the_feather_is_one_near_the_mask_and_zero_far_away(
    grow: int, feather: int, seed: int
) -> None:
    masks = torch.rand(2, 14, 17, generator=torch.Generator().manual_seed(seed)) > 0.98
    masks[0, 3, 4] = True
    weight = feathered_union(masks, grow, feather)
    distance = naive_distance(masks.any(0))
    seam = 2 * ((feather + 1) // 2)
    assert (weight[distance <= grow] == 1).all()
    assert (weight[distance > grow + seam] == 0).all()
    between = weight[(distance > grow) & (distance <= grow + seam)]
    assert ((between > 0) & (between <= 1)).all()


def test_the_feather_falls_monotonously_away_from_a_straight_edge() -> None:
    masks = torch.zeros(1, 9, 40, dtype=torch.bool)
    masks[..., :10] = True
    line = feathered_union(masks, grow=2, feather=8)[4]
    assert (line.diff() <= 0).all() and line[11] == 1 and line[20] == 0
    assert abs(float(line[15] + line[16]) - 1) < 0.25


def test_background_pixels_are_bit_identical_to_the_source() -> None:
    source, edited = torch.rand(2, 1, 20, 30, 3, generator=torch.Generator().manual_seed(0))
    masks = torch.zeros(1, 20, 30, dtype=torch.bool)
    masks[0, 5:9, 5:9] = True
    weight = feathered_union(masks, 1, 4)
    result = composite(source, edited, weight)
    assert torch.equal(result[:, weight == 0], source[:, weight == 0])
    assert torch.equal(result[:, weight == 1], edited[:, weight == 1])


def test_the_reported_change_is_that_of_the_background_alone() -> None:
    source = torch.zeros(1, 4, 4, 3)
    edited = source.clone()
    edited[:, 0, 0] = 51 / 255
    edited[:, 3, 3] = 1.0
    weight = torch.zeros(4, 4)
    weight[3, 3] = 1
    share, mean, largest = background_change(source, edited, weight)
    assert share == 15 / 16
    assert largest == pytest.approx(51) and mean == pytest.approx(51 / 15)
    assert background_change(source, edited, torch.ones(4, 4)) == (0, 0, 0)


def test_the_seam_is_no_background() -> None:
    source = torch.zeros(2, 1, 3, 1)
    edited = torch.tensor([0.1, 0.2, 0.4]).view(1, 1, 3, 1).expand(2, 1, 3, 1)
    share, mean, largest = background_change(source, edited, torch.tensor([[0.0, 0.25, 1.0]]))
    assert share == pytest.approx(1 / 3)
    assert mean == largest == pytest.approx(25.5)


def test_between_source_and_edit_the_weight_decides_and_one_picture_serves_a_batch() -> None:
    source, edited = torch.zeros(1, 1, 2, 3), torch.ones(4, 1, 2, 3)
    found = composite(source, edited, torch.tensor([[0.25, 1.0]]))
    assert found.shape == (4, 1, 2, 3)
    assert bool((found[:, 0, 0] == 0.25).all()) and bool((found[:, 0, 1] == 1).all())


def test_a_stretched_picture_has_the_size_asked_for_and_values_in_0_to_1() -> None:
    image = torch.rand(1, 6, 8, 3, generator=torch.Generator().manual_seed(1)).round()
    assert stretch(image, (6, 8)) is image
    found = stretch(image, (12, 8))
    assert found.shape == (1, 12, 8, 3)
    assert float(found.min()) >= 0 and float(found.max()) <= 1
    flat = torch.linspace(0.2, 0.8, 3).expand(1, 5, 4, 3)
    torch.testing.assert_close(stretch(flat, (3, 9)), flat[:, :1, :1].expand(1, 3, 9, 3))


@pytest.mark.parametrize(("grow", "feather"), [(-1, 0), (0, -1)])
def test_negative_widths_are_refused(grow: int, feather: int) -> None:
    with pytest.raises(ValueError, match=f"must be >= 0 pixels, got {grow} and {feather}"):
        feathered_union(torch.ones(1, 2, 2, dtype=torch.bool), grow, feather)
