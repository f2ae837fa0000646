"""Outside the feathered union the source's pixels are exactly the source's."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.mask_ops.composite import background_change, composite, feathered_union


def naive_distance(mask: torch.Tensor) -> torch.Tensor:
    """Chessboard distance of every pixel to the mask, by loops."""
    h, w = mask.shape
    inside = mask.nonzero().tolist()
    out = torch.zeros(h, w, dtype=torch.int64)
    for y in range(h):
        for x in range(w):
            out[y, x] = min(max(abs(y - a), abs(x - b)) for a, b in inside)
    return out


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3), st.integers(0, 6), st.integers(0, 2**16))
def test_the_feather_is_one_near_the_mask_and_zero_far_away(grow: int, feather: int, seed: int):
    masks = torch.rand(2, 14, 17, generator=torch.Generator().manual_seed(seed)) > 0.98
    masks[0, 3, 4] = True
    weight = feathered_union(masks, grow, feather)
    distance = naive_distance(masks.any(0))
    seam = 2 * ((feather + 1) // 2)
    assert (weight[distance <= grow] == 1).all()
    assert (weight[distance > grow + seam] == 0).all()
    between = weight[(distance > grow) & (distance <= grow + seam)]
    assert ((between > 0) & (between <= 1)).all()


def test_the_feather_falls_monotonously_away_from_a_straight_edge():
    masks = torch.zeros(1, 9, 40, dtype=torch.bool)
    masks[..., :10] = True
    line = feathered_union(masks, grow=2, feather=8)[4]
    assert (line.diff() <= 0).all() and line[11] == 1 and line[20] == 0
    assert abs(float(line[15] + line[16]) - 1) < 0.25


def test_background_pixels_are_bit_identical_to_the_source():
    source, edited = torch.rand(2, 1, 20, 30, 3)
    masks = torch.zeros(1, 20, 30, dtype=torch.bool)
    masks[0, 5:9, 5:9] = True
    weight = feathered_union(masks, 1, 4)
    result = composite(source, edited, weight)
    assert torch.equal(result[:, weight == 0], source[:, weight == 0])
    assert torch.equal(result[:, weight == 1], edited[:, weight == 1])


def test_the_reported_change_is_that_of_the_background_alone():
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


def test_negative_widths_are_refused():
    with pytest.raises(ValueError, match="must be >= 0 pixels, got -1 and 0"):
        feathered_union(torch.ones(1, 2, 2, dtype=torch.bool), grow=-1)
