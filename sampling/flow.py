"""Rectified flow: the cached mid-point solver, and inversion of a picture into noise.

Equations: docs/methods.md#multi-turn-editing.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]
Report = Callable[[int, Tensor, Tensor], None]
Drift = Callable[[int, Tensor, float, float, Tensor], Tensor]


def solve_flow(
    velocity: Velocity,
    x: Tensor,
    sigmas: Sequence[float],
    drift: Drift,
    report: Report | None = None,
) -> Tensor:
    """Follow a flow with the mid-point rule; the half step reuses the last mid-point's velocity.

    Second order at one model call per step (FireFlow, arXiv 2411.07496).

    Args:
        velocity: ``velocity(x, s)``, the model's prediction of ``eps - x0`` at noise level s.
        x: the state at ``sigmas[0]``, any shape.
        sigmas: N + 1 noise levels, rising or falling. N + 1 model calls.
        drift: ``drift(step number, x, s, step, v)`` is dx/ds of the step; v is the velocity at
            its mid-point.
        report: called after each step with its number, the state, and the clean picture that the
            state predicts.
    """
    middle = velocity(x, sigmas[0])
    for i, (sigma, following) in enumerate(pairwise(sigmas)):
        step = following - sigma
        middle = velocity(x + step / 2 * middle, sigma + step / 2)
        x = x + step * drift(i, x, sigma, step, middle)
        if report is not None:
            report(i, x, x - following * middle)
    return x


def invert_flow(
    velocity: Velocity,
    x: Tensor,
    sigmas: Tensor,
    noise: Tensor,
    gamma: float = 0.5,
    *,
    report: Report | None = None,
) -> Tensor:
    """The noise that the flow would turn into this picture, drawn towards given noise.

    ``x += D ((1 - gamma) v + gamma (noise - x) / (1 - s))`` (Multi-turn Consistent Image Editing,
    arXiv 2505.04320; the controlled inversion of RF-Inversion). The levels are at most 1, so that
    ``1 - s`` is never less than the step D.

    Args:
        velocity: see ``solve_flow``; the paper inverts at guidance 1.
        x: the clean picture's latent, any shape.
        sigmas: (N + 1,) noise levels, falling as samplers take them or rising; walked upwards.
        noise: shape of x, standard normal; drawn once.
        gamma: in [0, 1]. 0 follows the model alone, 1 goes straight to ``noise``.

    Returns:
        The state at the highest noise level, shape of x.

    Raises:
        ValueError: gamma out of range, sigmas outside [0, 1], of mixed direction or fewer than two,
            or noise of another shape.
    """
    check_fraction("gamma", gamma)
    if noise.shape != x.shape:
        raise ValueError(
            f"noise must have the picture's shape {(*x.shape,)}, got {(*noise.shape,)}."
        )

    def drift(i: int, x: Tensor, sigma: float, step: float, v: Tensor) -> Tensor:
        return v + gamma * ((noise - x) / (1 - sigma) - v)

    return solve_flow(velocity, x, check_sigmas(sigmas)[::-1], drift, report)


def check_sigmas(sigmas: Tensor) -> list[float]:
    """Noise levels as a strictly falling list of floats in [0, 1], whichever way they came."""
    levels = cast(list[float], sigmas.tolist())
    falling = levels if levels[:1] > levels[-1:] else levels[::-1]
    ordered = len(levels) > 1 and all(a > b for a, b in pairwise(falling))
    if not ordered or falling[0] > 1 or falling[-1] < 0:
        raise ValueError(
            "sigmas must be two or more different noise levels of a flow model in order, within "
            f"[0, 1], got {[round(level, 4) for level in levels]}. Take them from Basic Scheduler "
            "or Flux2Scheduler."
        )
    return falling


def check_fraction(name: str, value: float) -> None:
    """Refuse a number outside [0, 1]."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be between 0 and 1, got {value}.")
