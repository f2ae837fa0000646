"""Drift or edit: what comes back, and what stays."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from instance_edit.sampling.drift import channel_rms, undo_drift

SHAPE = (2, 3, 4, 5)


def random(seed: int, shape: tuple[int, ...] = SHAPE) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def mixed(seed: int, first: Tensor, previous: Tensor, noise: float) -> Tensor:
    """Here nearly the first picture, there nearly the previous one, elsewhere something else."""
    where = torch.rand(2, 1, 4, 5, generator=torch.Generator().manual_seed(seed))
    chosen = torch.where(where < 0.3, first, torch.where(where < 0.6, previous, random(seed + 1)))
    return chosen + noise * random(seed + 2)


def undo_by_hand(latent: Tensor, first: Tensor, previous: Tensor, limit: float) -> Tensor:
    """Place for place."""
    kept = latent.clone()
    for b, y, x in itertools.product(*(range(latent.shape[axis]) for axis in (0, 2, 3))):
        for picture in (first, previous):
            difference = [float(d) for d in latent[b, :, y, x] - picture[b, :, y, x]]
            if math.sqrt(sum(d * d for d in difference) / len(difference)) <= limit:
                kept[b, :, y, x] = picture[b, :, y, x]
                break
    return kept


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.05, 0.1, 0.5, 2.0]))
def test_place_for_place_it_is_the_rule_in_words(seed: int, tolerance: float) -> None:
    first, previous = random(1), random(2)
    latent = mixed(seed, first, previous, 0.1)
    kept, drifts = undo_drift(latent, first, previous, tolerance)
    assert torch.equal(kept, undo_by_hand(latent, first, previous, tolerance))
    assert torch.equal(drifts, (kept != latent).any(1, keepdim=True))
    assert float(channel_rms(kept - latent).max()) <= tolerance


def test_the_first_picture_goes_before_a_nearer_previous_one() -> None:
    first = random(1)
    kept, drifts = undo_drift(first + 0.09, first, first + 0.08, 0.1)
    assert torch.equal(kept, first) and drifts.all()


def test_as_far_as_the_tolerance_itself_is_drift_from_either_picture() -> None:
    zeros = torch.zeros(1, 4, 1, 1)
    for first, previous in ((zeros, zeros + 9), (zeros + 9, zeros)):
        kept, drifts = undo_drift(zeros + 0.25, first, previous, 0.25)
        assert torch.equal(kept, zeros) and drifts.all()
        kept, drifts = undo_drift(zeros + 0.2501, first, previous, 0.25)
        assert torch.equal(kept, zeros + 0.2501) and not drifts.any()


def test_a_tolerance_of_zero_puts_back_only_what_is_equal() -> None:
    first = random(1)
    latent = torch.where(random(2) > 0, first, random(3))
    kept, drifts = undo_drift(latent, first, first, 0.0)
    assert torch.equal(kept, latent)
    assert torch.equal(drifts, (latent == first).all(1, keepdim=True))


def test_a_tenth_of_a_deviation_is_the_tolerance_unless_told_otherwise() -> None:
    zeros = torch.zeros(1, 2, 1, 2)
    latent = zeros + torch.tensor([0.0999, 0.1001])
    assert undo_drift(latent, zeros, zeros)[1].flatten().tolist() == [True, False]


def test_many_turns_do_not_add_up() -> None:
    first = previous = random(1)
    for turn in range(20):
        drifted = previous + 0.05 * random(turn).clamp(-1, 1)
        drifted[0, :, 0, turn % 5] = 9.0 + turn
        previous, _ = undo_drift(drifted, first, previous, 0.1)
    assert torch.equal(previous[:, :, 1:], first[:, :, 1:])
    assert sorted(previous[0, 0, 0].tolist()) == [24.0, 25.0, 26.0, 27.0, 28.0]


def test_one_picture_serves_a_batch_and_other_axes() -> None:
    first, latent = random(1, (1, 3, 2, 4, 5)), random(2, (2, 3, 2, 4, 5))
    latent[1] = first[0] + 0.01
    kept, drifts = undo_drift(latent, first, first, 0.1)
    assert torch.equal(kept[1], first[0]) and torch.equal(kept[0], latent[0])
    assert drifts.shape == (2, 1, 2, 4, 5)


@pytest.mark.parametrize("tolerance", [-0.1, math.nan])
def test_a_tolerance_below_zero_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance must be 0 or more"):
        undo_drift(random(0), random(1), random(2), tolerance)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 4, 6), "Keep the size of the picture from turn to turn"),
        ((3, 3, 4, 5), "has 3 pictures, this one has 2"),
    ],
)
def test_pictures_of_another_size_or_number_are_refused(
    shape: tuple[int, ...], message: str
) -> None:
    for pictures in ((random(1), random(2, shape)), (random(1, shape), random(2))):
        with pytest.raises(ValueError, match=message):
            undo_drift(random(0), *pictures)
