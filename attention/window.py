"""When in the sampling something takes part: windows over its steps or over its noise levels.

A window is a pair of fractions, ``start`` and ``end``. Over *steps* they count the steps of the run
at hand, so that a run cut in two has every window twice. Over the *noise level* they are what the
host's own ranges are, and mean the same however a sampling is cut up.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, cast

import torch
from torch import Tensor

WindowBy = Literal["steps", "noise level"]
Inside = Callable[[float, float], bool]
"""``inside(start, end)``: whether a model call lies in a window."""
ToSigma = Callable[[float], float]
"""From a fraction of the sampling, 0 at its start, to a noise level: falling, 0 at 1."""


def inside_steps(progress: float) -> Inside:
    """For a call that is so far, see ``sampling_progress``."""
    return partial(in_window, progress)


def inside_levels(level: float, to_sigma: ToSigma) -> Inside:
    """For a call at this noise level.

    Both ends belong to a window, compared in float32: ComfyUI's rule for Set Timestep Range. A
    start of 0 and an end of 1 shut nothing out.
    """
    now = torch.tensor(level, dtype=torch.float32)

    def inside(start: float, end: float) -> bool:
        begun = start <= 0 or not bool(now > to_sigma(start))
        return begun and (end >= 1 or not bool(now < to_sigma(end)))

    return inside


def is_before(level: float, share: float, to_sigma: ToSigma) -> bool:
    """True at noise levels of the sampling's first ``share``, its end left out."""
    bound = to_sigma(share)
    return share > 0 and level > bound and not math.isclose(level, bound, rel_tol=1e-5)


def steps_before(sigmas: Tensor, share: float, to_sigma: ToSigma) -> int:
    """How many steps of a schedule begin in the sampling's first ``share``.

    Args:
        sigmas: (steps + 1,) noise levels of a run, or of a part of it.
    """
    levels = cast("list[float]", sigmas.tolist())
    return sum(is_before(level, share, to_sigma) for level in sorted(levels)[1:])


def is_part(sigmas: Tensor, highest: float) -> bool:
    """True if a schedule begins below the model's highest noise level, or ends above 0.

    Args:
        sigmas: (steps + 1,) in either direction.
    """
    levels = cast("list[float]", sigmas.tolist())
    if not levels:
        return False
    return min(levels) > 0 or max(levels) < highest * (1 - 1e-5)


def sampling_progress(sigma: float, sigmas: Tensor) -> float:
    """How far the run is, in [0, 1]: step number over steps, linear between steps.

    Args:
        sigma: noise level of this model call.
        sigmas: (steps + 1,) the run's schedule, falling, or rising as an inversion takes it.
    """
    levels = cast("list[float]", sigmas.tolist())
    reached = _same_level(sigma, levels)
    if levels[:1] < levels[-1:]:
        sigma, levels = -sigma, [-level for level in levels]
    steps = len(levels) - 1
    for i in range(steps):
        if reached[i] or sigma > levels[i]:
            return i / steps
        if sigma > levels[i + 1] and not reached[i + 1]:
            return (i + (levels[i] - sigma) / (levels[i] - levels[i + 1])) / steps
    return 1.0


def _same_level(sigma: float, levels: Sequence[float]) -> list[bool]:
    """Per level whether ``sigma`` is it, up to float32's rounding or that of half precision.

    A host may keep the level of a call, or the schedule, in half precision.
    """
    call, schedule = torch.tensor(sigma), torch.tensor(levels)
    same = (schedule - call).abs() <= 1e-5 * schedule
    for half in (torch.float16, torch.bfloat16):
        same |= (schedule.to(half).float() == call) | (call.to(half).float() == schedule)
    return cast("list[bool]", same.tolist())


def in_window(progress: float, start: float, end: float) -> bool:
    """True from ``start`` up to but not including ``end``; an end of 1 includes the last call."""
    return start - 1e-6 <= progress and (progress < end - 1e-6 or end >= 1)
