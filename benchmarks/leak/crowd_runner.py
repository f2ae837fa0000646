"""Run a method over crowded scenes and judge what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ...demo.crowd.judge import judge
from ...evaluation.metrics import change_rate, mae_background, ssim_background
from ..studio import EditTask, Studio
from ..summary import METRICS as COMMON
from .baselines import Method
from .crowds import CrowdScene, seam_error
from .runner import Outcome, edited_batches, seen

METRICS = (*COMMON, "seam")


@dataclass(frozen=True)
class CrowdOutcome(Outcome):
    """One edited scene; ``seam`` is the error along the masks' edges, 0-255."""

    seam: float


def crowd_task(studio: Studio, scene: CrowdScene, seed: int) -> EditTask:
    """The scene as a method gets it, its picture encoded."""
    conflict = scene.conflict
    return EditTask(
        instructions=tuple(conflict.instructions),
        joined=conflict.joined,
        joined_with_locations=conflict.joined_with_places,
        **seen(studio, scene),
        seed=seed,
        instructions_with_locations=tuple(conflict.instructions_with_places),
    )


def run_crowds(
    studio: Studio, method: Method, scenes: Sequence[CrowdScene], tasks: Sequence[EditTask]
) -> list[CrowdOutcome]:
    """Edit every scene by itself, decode in batches and judge one by one."""
    outcomes: list[CrowdOutcome] = []
    for part, results, seconds in edited_batches(studio, method, tasks):
        judged = zip(scenes[part], results, seconds, strict=True)
        outcomes += [judge_crowd(*one) for one in judged]
    return outcomes


def judge_crowd(scene: CrowdScene, result: Tensor, seconds: float) -> CrowdOutcome:
    """Metrics of one result (3, 192, 192)."""
    conflict, source, background = scene.conflict, scene.picture, scene.background
    verdict = judge(result, conflict.scene, conflict.targets, source[0])
    return CrowdOutcome(
        success=verdict.success,
        leak=verdict.leak,
        untouched=verdict.untouched,
        changed=float(change_rate(source, result[None], scene.silhouettes)),
        mae_b=float(mae_background(source, result[None], background)),
        ssim_b=float(ssim_background(source, result[None], background)),
        seconds=seconds,
        seam=seam_error(result, scene),
    )
