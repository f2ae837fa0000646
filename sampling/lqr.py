"""LQR guidance: sampling that is drawn to the first picture and the previous turn's result.

Equations, and what is ours: docs/methods.md#multi-turn-editing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from .drift import check_pictures, check_tolerance, undo_drift
from .flow import Report, Velocity, check_fraction, check_sigmas, solve_flow

TimeBy = Literal["noise level", "steps"]


class TurnMemory(NamedTuple):
    """Latents: the picture before any edit, and the one that this turn starts from.

    They have one shape, but ``first`` may have a batch of one, from which all the others came.
    """

    first: Tensor
    previous: Tensor


def next_turn(memory: TurnMemory | None, latent: Tensor) -> TurnMemory:
    """The memory of the turn that starts from this latent; None begins a session.

    Raises:
        ValueError: no pictures (B, C, H, W), a latent of another shape than the session's first, or
            a batch that is none of its variants.
    """
    if latent.ndim != 4:
        raise ValueError(
            "a turn starts from pictures, (batch, channels, height, width), got "
            f"{(*latent.shape,)}. Videos and latents with layers (Qwen-Image, Wan) are not taken "
            "here."
        )
    if memory is None:
        return TurnMemory(latent, latent)
    check_pictures(latent, memory.first)
    return TurnMemory(memory.first, latent)


@dataclass(frozen=True)
class LQRGuidance:
    """How strongly sampling heads for the pictures of earlier turns. The defaults are the paper's.

    Attributes:
        eta: in [0, 1], the pull; 0 leaves the model alone, 1 ignores it.
        lqr_steps: how many steps are pulled; the paper's 4 are of 15.
        weight: in [0, 1], lambda; 0 heads for the first picture, 1 for the previous one.
        tolerance: >= 0, of ``undo_drift`` in the other steps; 0 is the paper's method.
        time_by: what the regulator's time t is: "noise level" 1 - s, "steps" the paper's i / N.
    """

    eta: float = 0.9
    lqr_steps: int = 4
    weight: float = 0.7
    tolerance: float = 0.0
    time_by: TimeBy = "noise level"

    def __post_init__(self) -> None:
        check_fraction("eta", self.eta)
        check_fraction("weight", self.weight)
        check_tolerance(self.tolerance)
        if self.lqr_steps < 0:
            raise ValueError(f"lqr_steps must be 0 or more, got {self.lqr_steps}.")

    def time_left(self, i: int, sigma: float, steps: int) -> float:
        """What the regulator has left at the start of step ``i``, 1 - t > 0."""
        return sigma if self.time_by == "noise level" else 1 - i / steps


PUBLISHED = LQRGuidance()
Free = Callable[[float], Tensor]


def sample_lqr(
    velocity: Velocity,
    x: Tensor,
    sigmas: Tensor,
    first: Tensor,
    previous: Tensor | None = None,
    guidance: LQRGuidance = PUBLISHED,
    *,
    free: Free | None = None,
    report: Report | None = None,
) -> Tensor:
    """Sample an edit from inverted noise; the early steps head for the pictures of earlier turns.

    ``x += D (u + eta_i ((X - x) / (1 - t) - u))``, ``u = -v``, ``X = dual_target(...)``, and
    ``eta_i = eta`` for the first ``lqr_steps`` steps, then 0 (Multi-turn Consistent Image Editing,
    arXiv 2505.04320). ``(X - x) / (1 - t)`` is the control of the linear-quadratic regulator whose
    terminal cost is infinite.

    The time t of the regulator is ``1 - s``, unless the guidance says otherwise. For evenly spaced
    sigmas from 1 to 0 that is the paper's i / N; for shifted ones it is the time that the flow
    really has left, so that ``eta = 1`` in all steps still arrives at X exactly. The levels are at
    least 0, so that s is never less than the step D.

    With a tolerance (our own, no paper has it) the other steps are pulled too, fully, but only
    where the clean picture that the step predicts differs so little from an earlier one that this
    is drift, not an edit. There the first picture comes back exactly, or else the previous one.

    Args:
        velocity: see ``solve_flow``; the paper samples at guidance 3.5.
        x: (B, C, ..), the state at the highest noise level, from ``invert_flow``.
        sigmas: (N + 1,) noise levels in [0, 1], falling or rising; walked downwards.
        first: latent X_00 of the picture before any edit, shape of x or with a batch of one.
        previous: latent X_{k-1,0} of the previous turn's result, likewise; None in the first turn,
            and for the single objective.
        free: at a noise level, broadcastable to x, in [0, 1]: 1 where the turn may edit. Elsewhere
            every step is pulled fully, so that ``previous`` comes back there unchanged.

    Raises:
        ValueError: sigmas of no flow, or pictures of another shape than x.
    """
    target = dual_target(first, previous, guidance.weight)
    check_pictures(x, target)
    kept = first if previous is None else previous
    levels = check_sigmas(sigmas)

    def drift(i: int, x: Tensor, sigma: float, step: float, v: Tensor) -> Tensor:
        pulled = v
        if i < guidance.lqr_steps:
            left = guidance.time_left(i, sigma, len(levels) - 1)
            pulled = v + guidance.eta * ((x - target) / left - v)
        elif guidance.tolerance > 0:
            known, drifts = undo_drift(x - sigma * v, first, kept, guidance.tolerance)
            pulled = torch.where(drifts, (x - known) / sigma, v)
        return pulled if free is None else torch.lerp((x - kept) / sigma, pulled, free(sigma))

    return solve_flow(velocity, x, levels, drift, report)


def dual_target(first: Tensor, previous: Tensor | None, weight: float = 0.7) -> Tensor:
    """``first + weight (previous - first)``: the picture that LQR guidance heads for.

    Raises:
        ValueError: weight outside [0, 1], or latents of two shapes (``first`` may be one for all).
    """
    check_fraction("weight", weight)
    if previous is None:
        return first
    check_pictures(previous, first)
    return first + weight * (previous - first)
