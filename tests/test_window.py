"""When in the sampling something takes part: windows over steps and over noise levels."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from instance_edit.attention.window import (
    in_window,
    inside_levels,
    inside_steps,
    is_before,
    is_part,
    sampling_progress,
    steps_before,
)
from instance_edit.tests.shifted_sigmas import SHIFT, shifted

LEVELS = torch.tensor([1.0, 0.9, 0.7, 0.4, 0.0])


def to_sigma(share: float) -> float:
    """Noise levels that fall evenly."""
    return 1 - share


def test_progress_counts_steps_whatever_the_shift_of_the_schedule() -> None:
    found = [sampling_progress(float(sigma), LEVELS) for sigma in LEVELS]
    assert found == [0.0, 0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_progress_is_exact_where_the_call_or_the_schedule_is_in_half_precision(
    half: torch.dtype,
) -> None:
    wanted = [0.0, 0.25, 0.5, 0.75, 1.0]
    assert [sampling_progress(float(level), LEVELS) for level in LEVELS.to(half)] == wanted
    assert [sampling_progress(float(level), LEVELS.to(half)) for level in LEVELS] == wanted
    assert [sampling_progress(float(level), LEVELS.to(half)) for level in LEVELS.to(half)] == wanted


def test_progress_is_exact_where_the_level_was_computed_anew() -> None:
    levels = torch.tensor([1.0, 0.9, 0.7, 0.4, 0.0]) * 0.999999
    assert [sampling_progress(float(level), levels) for level in LEVELS] == [0, 0.25, 0.5, 0.75, 1]
    assert [sampling_progress(float(level), LEVELS) for level in levels] == [0, 0.25, 0.5, 0.75, 1]


def test_progress_between_steps_is_linear_so_second_order_samplers_work() -> None:
    assert sampling_progress(0.8, torch.tensor([1.0, 0.9, 0.7, 0.0])) == pytest.approx(0.5)


def test_a_window_takes_its_first_step_and_leaves_its_last_bound_out() -> None:
    assert in_window(0.25, 0.25, 0.5)
    assert not in_window(0.5, 0.25, 0.5)
    assert in_window(1.0, 0.5, 1.0)


@pytest.mark.parametrize("cut", [slice(0, 3), slice(2, 5), slice(1, 4)])
def test_progress_of_a_rising_schedule_is_that_of_its_steps(cut: slice) -> None:
    rising = LEVELS.flip(0)[cut]
    found = [sampling_progress(float(sigma), rising) for sigma in rising]
    assert found == [0.0, 0.5, 1.0]
    between = float(rising[0] + rising[1]) / 2
    assert sampling_progress(between, rising) == pytest.approx(0.25)


@pytest.mark.parametrize("sigmas", [torch.tensor([]), torch.tensor([0.5])])
def test_a_schedule_without_a_step_is_over(sigmas: Tensor) -> None:
    assert sampling_progress(0.25, sigmas) == 1.0
    assert not is_part(sigmas[:0], 1.0)


def test_by_noise_level_both_bounds_belong_to_a_window_as_in_comfyui() -> None:
    inside = inside_levels(0.75, to_sigma)
    assert inside(0.25, 0.5) and inside(0.0, 0.25) and inside(0.25, 1.0)
    assert not inside(0.26, 0.5) and not inside(0.0, 0.24)


def test_by_noise_level_a_window_without_bounds_holds_every_call() -> None:
    for level in (0.0, 1e-3, 1.0, 1.3):
        assert inside_levels(level, to_sigma)(0.0, 1.0)
        assert inside_steps(sampling_progress(level, LEVELS))(0.0, 1.0)


def test_a_share_by_noise_level_leaves_its_end_out_up_to_rounding() -> None:
    assert is_before(0.76, 0.25, to_sigma)
    assert not is_before(0.75 * (1 + 1e-7), 0.25, to_sigma)
    assert not is_before(1.0, 0.0, to_sigma)
    assert is_before(0.1, 1.0, to_sigma) and not is_before(0.0, 1.0, to_sigma)


@pytest.mark.parametrize("share", [0.0, 0.2, 4 / 15, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("cut", [1, 3, 4, 7])
def test_steps_by_noise_level_add_up_however_a_schedule_is_cut(share: float, cut: int) -> None:
    sigmas = shifted(8)
    whole = steps_before(sigmas, share, to_sigma)
    parts = sigmas[: cut + 1], sigmas[cut:]
    assert sum(steps_before(part, share, to_sigma) for part in parts) == whole
    assert steps_before(sigmas.flip(0), share, to_sigma) == whole


@pytest.mark.parametrize(
    ("levels", "part"),
    [
        ([1.0, 0.5, 0.0], False),
        ([0.0, 0.5, 1.0], False),
        ([1.1, 0.5, 0.0], False),
        ([0.999999, 0.5, 0.0], False),
        ([0.9, 0.5, 0.0], True),
        ([1.0, 0.5], True),
        ([0.5], True),
    ],
)
def test_a_part_begins_below_the_highest_level_or_ends_above_0(
    levels: list[float], part: bool
) -> None:
    assert is_part(torch.tensor(levels), 1.0) is part


@pytest.mark.parametrize(("steps", "pulled"), [(8, 3), (15, 4), (28, 8)])
def test_four_of_fifteen_steps_follow_the_number_of_steps_by_noise_level(
    steps: int, pulled: int
) -> None:
    """On a schedule whose steps are even in time, shifted as FLUX's is."""

    def bent(share: float) -> float:
        return SHIFT * (1 - share) / (1 + (SHIFT - 1) * (1 - share))

    assert steps_before(shifted(steps), 4 / 15, bent) == pulled
