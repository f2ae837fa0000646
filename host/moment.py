"""When in the sampling a model call is, and a word where that is counted in a part of it alone."""

import logging
from typing import Any

from torch import Tensor

from ..attention.window import (
    Inside,
    WindowBy,
    inside_levels,
    inside_steps,
    is_before,
    is_part,
    sampling_progress,
)
from .call import ModelCall

log = logging.getLogger("instance_edit")


def call_inside(call: ModelCall, by: WindowBy) -> Inside:
    """Tells of a window whether a call lies in it; outside a run by its noise level alone."""
    if by == "noise level":
        return inside_levels(call.level, call.sampling.percent_to_sigma)
    schedule = call.options.get("sample_sigmas")
    progress = 1 - call.level if schedule is None else sampling_progress(call.level, schedule)
    return inside_steps(progress)


def is_past(level: float, share: float, by: WindowBy, schedule: Tensor, sampling: Any) -> bool:
    """True behind the first ``share`` of a sampling; a share of 1 is never behind.

    Args:
        level: noise level of a model call.
        schedule, sampling: see ``say_part``.
    """
    if share >= 1:
        return False
    if by == "noise level":
        return not is_before(level, share, sampling.percent_to_sigma)
    return sampling_progress(level, schedule) >= share - 1e-6


def say_part(
    schedule: Tensor | None, sampling: Any, what: str, node: str, choice: str = "window by"
) -> None:
    """Say in the log that steps are counted in a run that is a part of a sampling.

    Args:
        schedule: the run's noise levels; None says nothing.
        sampling: the model's ``model_sampling``.
        what: is counted.
        node, choice: where the remedy is.
    """
    if schedule is None or not is_part(schedule, float(sampling.sigma_max)):
        return
    log.warning(
        f"{what}: counted in the steps of this run alone, whose noise goes from "
        f"{float(schedule[0]):.4g} to {float(schedule[-1]):.4g}, which is not the whole sampling "
        f"({float(sampling.sigma_max):.4g} to 0: it was split, or denoise is below 1). To mean the "
        f"same however the sampling is cut up, set '{choice}' of {node} to 'noise level'."
    )
