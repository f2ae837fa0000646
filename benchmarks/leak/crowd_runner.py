"""Run a method over crowded scenes and judge what came out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from torch import Tensor

from ...demo.crowd.judge import judge
from ...evaluation.metrics import change_rate, mae_background, ssim_background
from ..studio import EditTask, Studio
from ..summary import METRICS as COMMON
from .baselines import Method
from .crowds import CrowdScene, seam_error
from .runner import DECODE_BATCH, Outcome

METRICS = (*COMMON, "seam")


@dataclass(frozen=True)
class CrowdOutcome(Outcome):
    """One edited scene; ``seam`` is the error along the masks' edges, 0-255."""

    seam: float


def crowd_task(studio: Studio, scene: CrowdScene, seed: int) -> EditTask:
    """The scene as a method gets it, its picture encoded."""
    picture, conflict = scene.picture.movedim(1, -1), scene.conflict
    return EditTask(
        picture=picture,
        reference=studio.encode(picture),
        instructions=tuple(conflict.instructions),
        joined=conflict.joined,
        joined_with_locations=conflict.joined_with_places,
        masks=scene.masks[0].float(),
        silhouettes=scene.silhouettes[0].float(),
        boxes=tuple(tuple(box) for box in scene.boxes),
        seed=seed,
        instructions_with_locations=tuple(conflict.instructions_with_places),
    )


def run_crowds(
    studio: Studio, method: Method, scenes: Sequence[CrowdScene], tasks: Sequence[EditTask]
) -> list[CrowdOutcome]:
    """Edit every scene by itself, decode in batches and judge one by one."""
    outcomes: list[CrowdOutcome] = []
    for start in range(0, len(scenes), DECODE_BATCH):
        latents, seconds = [], []
        for task in tasks[start : start + DECODE_BATCH]:
            began = time.process_time()
            latents.append(method.edit(studio, task))
            seconds.append(time.process_time() - began)
        results = studio.decode(latents)
        parts = zip(scenes[start : start + DECODE_BATCH], results, seconds, strict=True)
        outcomes += [judge_crowd(*part) for part in parts]
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


def crowd_rows(outcomes: Sequence[CrowdOutcome]) -> list[dict[str, float]]:
    """Outcomes as plain dictionaries, for JSON."""
    return [asdict(outcome) for outcome in outcomes]
