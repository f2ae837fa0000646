"""LQR guidance: where it arrives, what it leaves alone, and the loop of the paper."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from instance_edit.sampling.flow import Velocity
from instance_edit.sampling.lqr import (
    LQRGuidance,
    TimeBy,
    TurnMemory,
    dual_target,
    next_turn,
    sample_lqr,
)
from instance_edit.tests.shifted_sigmas import shifted

SHAPE = (2, 3, 4, 5)


def random(seed: int, shape: tuple[int, ...] = SHAPE) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


def velocity(x: Tensor, s: float) -> Tensor:
    """Any smooth field will do."""
    return torch.sin(3 * x) * (1 - s) - 0.5 * x + s**2


def sample_by_hand(
    x: Tensor,
    levels: list[float],
    first: Tensor,
    previous: Tensor,
    eta: float,
    pulled: int,
    weight: float,
) -> Tensor:
    """The paper's loop in its own words: t_i = i / N, u = -v."""
    x = x.clone()
    aim = first + weight * (previous - first)
    half = None
    steps = len(levels) - 1
    for i in range(steps):
        s, d = levels[i], levels[i] - levels[i + 1]
        half = velocity(x, s) if half is None else half
        half = velocity(x - d / 2 * half, s - d / 2)
        u, t = -half, i / steps
        pull = eta if i < pulled else 0.0
        x = x + d * (u + pull * ((aim - x) / (1 - t) - u))
    return x


@pytest.mark.parametrize("eta", [0.0, 0.4, 0.9, 1.0])
@pytest.mark.parametrize("pulled", [0, 4, 15])
@pytest.mark.parametrize("weight", [0.0, 0.7, 1.0])
@pytest.mark.parametrize(
    ("even", "time_by"), [(True, "noise level"), (True, "steps"), (False, "steps")]
)
def test_the_loop_of_the_paper(
    eta: float, pulled: int, weight: float, even: bool, time_by: TimeBy
) -> None:
    x, first, previous = random(0), random(1), random(2)
    sigmas = torch.linspace(1, 0, 16, dtype=torch.float64) if even else shifted(15)
    guidance = LQRGuidance(eta=eta, lqr_steps=pulled, weight=weight, time_by=time_by)
    out = sample_lqr(velocity, x, sigmas, first, previous, guidance)
    levels: list[float] = sigmas.tolist()
    expected = sample_by_hand(x, levels, first, previous, eta, pulled, weight)
    torch.testing.assert_close(out, expected)


def test_on_a_shifted_schedule_time_by_steps_pulls_harder_while_steps_are_few() -> None:
    """A still flow from 0 to a picture of 1: how far one pulled step after three free ones goes."""

    def reached(time_by: TimeBy) -> float:
        guidance = LQRGuidance(eta=0.5, lqr_steps=4, weight=0.0, time_by=time_by)
        start, picture = torch.zeros(1, 1, 1, 1).double(), torch.ones(1, 1, 1, 1).double()
        levels = shifted(15)[:5]
        return float(sample_lqr(lambda x, s: 0 * x, start, levels, picture, None, guidance))

    assert reached("steps") > reached("noise level") > 0


def flow_to(picture: Tensor) -> Velocity:
    """The flow of a model that predicts this clean picture at every noise level."""
    return lambda x, s: (x - picture) / max(s, 1e-9)


def test_with_a_tolerance_drift_is_put_back_and_an_edit_kept() -> None:
    first = random(1)
    previous = first.clone()
    previous[..., :2] = random(2)[..., :2]  # an earlier turn's edit
    edited = previous + 0.03 * random(3)
    edited[:, :, 0] = random(4)[:, :, 0]  # this turn's
    args = (flow_to(edited), random(0), shifted(8), first, previous)
    tolerant = sample_lqr(*args, LQRGuidance(lqr_steps=2, tolerance=0.2))
    torch.testing.assert_close(tolerant[:, :, 1:], previous[:, :, 1:], rtol=0, atol=1e-12)
    torch.testing.assert_close(tolerant[:, :, 0], edited[:, :, 0], rtol=0, atol=1e-6)
    published = sample_lqr(*args, LQRGuidance(lqr_steps=2))
    torch.testing.assert_close(published, edited, rtol=0, atol=1e-6)


def test_a_tolerance_heads_for_the_first_picture_alone_in_the_first_turn() -> None:
    first = random(1)
    flow = flow_to(first + 0.01)
    out = sample_lqr(
        flow, random(0), shifted(8), first, None, LQRGuidance(lqr_steps=0, tolerance=0.1)
    )
    torch.testing.assert_close(out, first, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "sigmas", [shifted(1), shifted(8), shifted(15), torch.tensor([0.7, 0.1, 0])]
)
def test_eta_one_arrives_at_the_target_exactly_on_any_schedule(sigmas: Tensor) -> None:
    first, previous = random(1), random(2)
    out = sample_lqr(velocity, random(0), sigmas, first, previous, LQRGuidance(1.0, 99))
    torch.testing.assert_close(out, dual_target(first, previous, 0.7), rtol=0, atol=1e-12)


@pytest.mark.parametrize("last", [1e-3, 1e-7, 0.0])
@pytest.mark.parametrize("guidance", [LQRGuidance(1.0, 9), LQRGuidance(0.0, 0, tolerance=9.0)])
def test_the_last_step_divides_by_no_less_than_its_own_length(
    last: float, guidance: LQRGuidance
) -> None:
    """Down to a level of 1e-7, where the step that is left is as short."""
    sigmas = torch.tensor([1.0, 0.5, last + 1e-7, last])
    first = random(1).float()
    out = sample_lqr(velocity, random(0).float(), sigmas, first, None, guidance)
    assert out.isfinite().all() and out.abs().max() < 10
    if last == 0.0:
        torch.testing.assert_close(out, first)


def test_a_tolerance_takes_over_with_the_first_step_that_is_not_pulled() -> None:
    """The pull by eta 0 leaves the flow alone, the tolerance does not."""
    first = random(1)
    seen: dict[int, Tensor] = {}
    flow = flow_to(first + 0.01)
    guidance = LQRGuidance(eta=0.0, lqr_steps=3, tolerance=0.1)
    sample_lqr(
        flow,
        random(0),
        shifted(5),
        first,
        None,
        guidance,
        report=lambda i, x, clean: seen.update({i: x}),
    )
    plain: dict[int, Tensor] = {}
    sample_lqr(
        flow,
        random(0),
        shifted(5),
        first,
        None,
        LQRGuidance(eta=0.0),
        report=lambda i, x, clean: plain.update({i: x}),
    )
    same = [torch.equal(seen[i], plain[i]) for i in range(5)]
    assert same == [True, True, True, False, False]


def test_without_a_tolerance_no_picture_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even what is equal comes back then: the paper's method, to the last bit."""

    def refuse(*_: object) -> None:
        raise AssertionError("compared")

    monkeypatch.setattr("instance_edit.sampling.lqr.undo_drift", refuse)
    args = (velocity, random(0), shifted(5), random(1), None)
    assert sample_lqr(*args, LQRGuidance(lqr_steps=1)).isfinite().all()
    with pytest.raises(AssertionError, match="compared"):
        sample_lqr(*args, LQRGuidance(lqr_steps=1, tolerance=1e-9))


def test_a_turn_remembers_the_first_picture_and_the_one_it_starts_from() -> None:
    one, two, three = random(1), random(2), random(3)
    begun = next_turn(None, one)
    assert begun == TurnMemory(one, one)
    later = next_turn(next_turn(begun, two), three)
    assert later.first is one and later.previous is three
    with pytest.raises(ValueError, match="Keep the size of the picture"):
        next_turn(begun, random(1, (2, 3, 4, 6)))


def test_one_picture_may_go_on_as_several_variants_but_not_several_as_others() -> None:
    begun = next_turn(None, random(1, (1, 3, 4, 5)))
    variants = next_turn(begun, random(2, (3, 3, 4, 5)))
    assert (len(variants.first), len(variants.previous)) == (1, 3)
    assert len(next_turn(variants, random(3, (2, 3, 4, 5))).previous) == 2
    with pytest.raises(ValueError, match=r"batch .* has 2 pictures, this one has 3"):
        next_turn(next_turn(None, random(1)), random(2, (3, 3, 4, 5)))
    x = random(0, (3, 3, 4, 5))
    out = sample_lqr(velocity, x, shifted(5), *variants)
    for n in range(3):
        alone = sample_lqr(
            velocity, x[n : n + 1], shifted(5), variants.first, variants.previous[n : n + 1]
        )
        torch.testing.assert_close(out[n : n + 1], alone)
    with pytest.raises(ValueError, match=r"batch .* has 3 pictures, this one has 2"):
        sample_lqr(velocity, random(0), shifted(5), *variants)


def test_eta_zero_is_the_plain_flow_whatever_the_memory_holds() -> None:
    x, sigmas = random(0), shifted(8)
    plain = sample_lqr(velocity, x, sigmas, random(1), None, LQRGuidance(lqr_steps=0))
    memory = (random(2), random(3))
    assert torch.equal(plain, sample_lqr(velocity, x, sigmas, *memory, LQRGuidance(eta=0.0)))


def test_one_call_per_step_and_one_more() -> None:
    seen: list[float] = []

    def counted(x: Tensor, s: float) -> Tensor:
        seen.append(s)
        return velocity(x, s)

    sample_lqr(counted, random(0), shifted(15), random(1))
    levels = shifted(15).tolist()
    middles = [(a + b) / 2 for a, b in zip(levels, levels[1:], strict=False)]
    assert seen == pytest.approx([1.0, *middles])


def test_outside_the_free_part_the_previous_picture_comes_back_exactly() -> None:
    free = torch.zeros(1, 1, 4, 5, dtype=torch.float64)
    free[..., :2] = 1
    first, previous = random(1), random(2)
    out = sample_lqr(velocity, random(0), shifted(8), first, previous, free=lambda s: free)
    torch.testing.assert_close(out[..., 2:], previous[..., 2:], rtol=0, atol=1e-12)
    assert (out[..., :2] - previous[..., :2]).abs().mean() > 0.1
    alone = sample_lqr(velocity, random(0), shifted(8), first, free=lambda s: free)
    torch.testing.assert_close(alone[..., 2:], first[..., 2:], rtol=0, atol=1e-12)


def test_a_mask_that_frees_everything_changes_nothing() -> None:
    args = (velocity, random(0), shifted(8), random(1), random(2))
    free = sample_lqr(*args, free=lambda s: torch.ones(1, dtype=torch.float64))
    torch.testing.assert_close(free, sample_lqr(*args))


def test_the_first_turn_heads_for_the_first_picture() -> None:
    first = random(1)
    assert torch.equal(dual_target(first, None), first)
    torch.testing.assert_close(dual_target(first, first), first)


def test_the_weight_moves_the_target_from_the_first_picture_to_the_previous_one() -> None:
    first, previous = random(1), random(2)
    torch.testing.assert_close(dual_target(first, previous, 0.0), first)
    torch.testing.assert_close(dual_target(first, previous, 1.0), previous)
    torch.testing.assert_close(dual_target(first, previous, 0.25), 0.75 * first + 0.25 * previous)


def test_one_picture_serves_a_batch_of_samples() -> None:
    x, first = random(0), random(1, (1, *SHAPE[1:]))
    out = sample_lqr(velocity, x, shifted(5), first)
    rows = [sample_lqr(velocity, row[None], shifted(5), first) for row in x]
    torch.testing.assert_close(out, torch.cat(rows))


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match="Keep the size of the picture"):
        sample_lqr(velocity, random(0), shifted(5), random(1, (2, 3, 4, 6)))
    with pytest.raises(ValueError, match="Keep the size of the picture"):
        sample_lqr(velocity, random(0), shifted(5), random(1), random(1, (2, 3, 4, 6)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eta", 1.2),
        ("eta", -0.1),
        ("weight", 2.0),
        ("lqr_steps", -1),
        ("tolerance", -0.1),
        ("tolerance", math.nan),
    ],
)
def test_parameters_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        LQRGuidance(**{name: value})


def test_the_bounds_themselves_are_accepted() -> None:
    LQRGuidance(eta=0.0, lqr_steps=0, weight=0.0, tolerance=0.0)
    LQRGuidance(eta=1.0, weight=1.0)
