"""Inversion and the cached mid-point solver on flows whose solutions are known."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from instance_edit.sampling.flow import check_sigmas, invert_flow
from instance_edit.sampling.lqr import LQRGuidance, sample_lqr
from instance_edit.tests.shifted_sigmas import shifted

log = logging.getLogger(__name__)
EVEN = torch.linspace(1, 0, 9)
FREE = LQRGuidance(eta=0.0)


def gaussian(x: Tensor, s: float, mean: float = 1.5, deviation: float = 0.5) -> Tensor:
    """The exact velocity of pictures that are N(mean, deviation^2) per pixel."""
    variance = (1 - s) ** 2 * deviation**2 + s**2
    return -mean + (s - (1 - s) * deviation**2) / variance * (x - (1 - s) * mean)


def gaussian_path(x: Tensor, s: float, mean: float = 1.5, deviation: float = 0.5) -> Tensor:
    """Where the flow of ``gaussian`` takes the picture x."""
    spread = math.hypot((1 - s) * deviation, s)
    return (1 - s) * mean + (x - mean) * spread / deviation


@pytest.fixture
def picture() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 1.5 + 0.5 * torch.randn((2, 3, 4, 5), generator=generator, dtype=torch.float64)


@pytest.fixture
def noise() -> Tensor:
    return torch.randn((2, 3, 4, 5), generator=torch.Generator().manual_seed(1)).double()


def invert_by_hand(
    velocity: Callable[[float, float], float],
    x: list[float],
    sigmas: list[float],
    noise: list[float],
    gamma: float,
) -> list[float]:
    """The paper's loop, one number at a time; velocity takes two numbers."""
    out = []
    for value, aim in zip(x, noise, strict=True):
        cached = None
        for s, following in zip(sigmas, sigmas[1:], strict=False):
            d = following - s
            half = velocity(value, s) if cached is None else cached
            cached = velocity(value + d / 2 * half, s + d / 2)
            value += d * ((1 - gamma) * cached + gamma * (aim - value) / (1 - s))
        out.append(value)
    return out


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.8])
@pytest.mark.parametrize("sigmas", [EVEN, shifted(8)])
def test_the_loop_of_the_paper(
    picture: Tensor, noise: Tensor, gamma: float, sigmas: Tensor
) -> None:
    out = invert_flow(gaussian, picture, sigmas, noise, gamma)
    by_hand = invert_by_hand(
        gaussian,
        picture.flatten().tolist(),
        sigmas.flip(0).tolist(),
        noise.flatten().tolist(),
        gamma,
    )
    torch.testing.assert_close(out.flatten(), torch.tensor(by_hand, dtype=torch.float64))


@pytest.mark.parametrize("schedule", ["even", "shifted"])
@pytest.mark.parametrize("direction", ["inversion", "sampling"])
def test_doubling_the_steps_quarters_the_error(
    picture: Tensor, noise: Tensor, schedule: str, direction: str
) -> None:
    flow = partial(gaussian, deviation=0.3)
    end = gaussian_path(picture, 1.0, deviation=0.3)
    errors = []
    for steps in (128, 256, 512):
        sigmas = torch.linspace(1, 0, steps + 1) if schedule == "even" else shifted(steps)
        if direction == "inversion":
            error = invert_flow(flow, picture, sigmas, noise, 0.0) - end
        else:
            error = sample_lqr(flow, end, sigmas, picture, guidance=FREE) - picture
        errors.append(float(error.square().mean().sqrt()))
    orders = [math.log2(a / b) for a, b in zip(errors, errors[1:], strict=False)]
    log.info(f"{direction}, {schedule} sigmas: errors {errors}, orders {orders}")
    assert all(1.85 < order < 2.25 for order in orders)


def test_a_straight_flow_is_solved_exactly_in_one_step(picture: Tensor, noise: Tensor) -> None:
    def straight(x: Tensor, s: float) -> Tensor:
        return noise - picture

    out = invert_flow(straight, picture, torch.tensor([1.0, 0.0]), noise, 0.0)
    torch.testing.assert_close(out, noise)


@pytest.mark.parametrize("sigmas", [EVEN, shifted(15), EVEN.flip(0), torch.tensor([0.8, 0.3])])
def test_one_call_per_step_and_one_more(picture: Tensor, noise: Tensor, sigmas: Tensor) -> None:
    seen: list[float] = []

    def velocity(x: Tensor, s: float) -> Tensor:
        seen.append(s)
        return gaussian(x, s)

    invert_flow(velocity, picture, sigmas, noise)
    levels = sorted(sigmas.tolist())
    middles = [(a + b) / 2 for a, b in zip(levels, levels[1:], strict=False)]
    assert seen == pytest.approx([levels[0], *middles])


def test_the_direction_of_the_sigmas_does_not_matter(picture: Tensor, noise: Tensor) -> None:
    falling = invert_flow(gaussian, picture, shifted(6), noise)
    assert torch.equal(falling, invert_flow(gaussian, picture, shifted(6).flip(0), noise))


@pytest.mark.parametrize("sigmas", [EVEN, shifted(3), torch.tensor([1.0, 1 - 1e-7, 0.0])])
def test_gamma_one_ends_at_the_noise(picture: Tensor, noise: Tensor, sigmas: Tensor) -> None:
    out = invert_flow(gaussian, picture, sigmas, noise, 1.0)
    torch.testing.assert_close(out, noise)


LEVELS = st.lists(st.floats(0, 1), min_size=2, max_size=9, unique=True)


@given(LEVELS, st.booleans())
def test_no_step_is_longer_than_the_way_left_so_nothing_is_divided_by_less(
    levels: list[float], rising: bool
) -> None:
    """Towards noise the way left is 1 - s, towards the picture it is s."""
    ordered = check_sigmas(torch.tensor(sorted(levels, reverse=not rising), dtype=torch.float64))
    for before, after in zip(ordered[::-1], ordered[-2::-1], strict=False):
        assert 0 < after - before <= 1 - before
    for before, after in zip(ordered, ordered[1:], strict=False):
        assert 0 < before - after <= before


@given(LEVELS)
def test_any_schedule_that_reaches_1_ends_at_the_noise_with_gamma_one(levels: list[float]) -> None:
    picture, aim = torch.full((2,), 3.0, dtype=torch.float64), torch.tensor([-1.0, 0.5]).double()
    sigmas = torch.tensor(sorted({*levels, 1.0}), dtype=torch.float64)
    out = invert_flow(gaussian, picture, sigmas, aim, 1.0)
    torch.testing.assert_close(out, aim)


@pytest.mark.parametrize("schedule", ["even", "shifted"])
def test_inverting_and_sampling_without_an_edit_returns_the_picture(
    picture: Tensor, noise: Tensor, schedule: str
) -> None:
    sigmas = torch.linspace(1, 0, 16) if schedule == "even" else shifted(15)
    start = invert_flow(gaussian, picture, sigmas, noise, 0.0)
    back = sample_lqr(gaussian, start, sigmas, picture, guidance=FREE)
    error = float((back - picture).square().mean())
    ratio = 10 * math.log10(float(picture.max() - picture.min()) ** 2 / error)
    log.info(f"{schedule} sigmas: PSNR {ratio:.1f} dB after 15 steps there and back")
    assert ratio > 45


def test_every_step_is_reported_with_the_clean_picture_it_predicts(
    picture: Tensor, noise: Tensor
) -> None:
    reports: list[tuple[int, Tensor, Tensor]] = []

    def straight(x: Tensor, s: float) -> Tensor:
        return noise - picture

    out = invert_flow(
        straight,
        picture,
        EVEN,
        noise,
        0.0,
        report=lambda i, x, clean: reports.append((i, x, clean)),
    )
    assert [i for i, _, _ in reports] == list(range(8))
    assert torch.equal(reports[-1][1], out)
    for _, _, clean in reports:
        torch.testing.assert_close(clean, picture)


@pytest.mark.parametrize(
    "sigmas",
    [
        [],
        [1.0],
        [1.0, 0.5, 0.5],
        [0.5, 0.5],
        [1.0, 0.2, 0.4],
        [0.2, 0.4, 0.3],
        [14.6, 1.0, 0.0],
        [1.01, 0.5],
        [1.0, 0.5, -0.1],
        [1.0, -0.1],
        [-0.1, 1.0],
    ],
)
def test_sigmas_that_are_no_flow_schedule_are_refused(sigmas: list[float]) -> None:
    with pytest.raises(ValueError, match="Basic Scheduler"):
        check_sigmas(torch.tensor(sigmas))


def test_levels_of_exactly_0_and_1_and_two_of_them_are_enough() -> None:
    assert check_sigmas(torch.tensor([0.0, 1.0])) == [1.0, 0.0]
    assert check_sigmas(torch.tensor([0.75, 0.5, 0.25])) == [0.75, 0.5, 0.25]


@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_gamma_may_be_0_and_1(picture: Tensor, noise: Tensor, gamma: float) -> None:
    assert invert_flow(gaussian, picture, EVEN, noise, gamma).isfinite().all()


def test_wrong_gamma_and_noise_are_refused(picture: Tensor, noise: Tensor) -> None:
    with pytest.raises(ValueError, match="gamma must be between 0 and 1, got 1.5"):
        invert_flow(gaussian, picture, EVEN, noise, 1.5)
    with pytest.raises(ValueError, match="gamma must be between 0 and 1, got -0.5"):
        invert_flow(gaussian, picture, EVEN, noise, -0.5)
    with pytest.raises(ValueError, match="noise must have the picture's shape"):
        invert_flow(gaussian, picture, EVEN, noise[:1])
