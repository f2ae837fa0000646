"""Run a method over scenes and judge what came out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from ...demo.recognition import shown_objects
from ...evaluation.metrics import change_rate, mae_background, ssim_background
from ..studio import EditTask, Studio
from .baselines import Method
from .conflicts import LeakScene, join_edits
from .success import edit_success, leakage, untouched_rate

DECODE_BATCH = 10


@dataclass(frozen=True)
class Outcome:
    """One edited scene; shares in [0, 1], ``mae_b`` on 0-255.

    ``seconds`` are of the processor, which a busy machine does not stretch, without the VAE.
    """

    success: float
    leak: float
    untouched: float
    changed: float
    mae_b: float
    ssim_b: float
    seconds: float


def edit_task(studio: Studio, scene: LeakScene, seed: int) -> EditTask:
    """The scene as a method gets it, its picture encoded."""
    picture = scene.picture.movedim(1, -1)
    return EditTask(
        picture=picture,
        reference=studio.encode(picture),
        instructions=tuple(scene.instructions),
        joined=scene.joined,
        joined_with_locations=scene.joined_with_locations,
        masks=scene.masks[0].float(),
        silhouettes=scene.silhouettes[0].float(),
        boxes=tuple(tuple(box) for box in scene.boxes),
        seed=seed,
    )


def run_method(
    studio: Studio, method: Method, scenes: Sequence[LeakScene], tasks: Sequence[EditTask]
) -> list[Outcome]:
    """Edit every scene by itself, decode and judge them in batches."""
    outcomes: list[Outcome] = []
    for start in range(0, len(scenes), DECODE_BATCH):
        latents, seconds = [], []
        for task in tasks[start : start + DECODE_BATCH]:
            began = time.process_time()
            latents.append(method.edit(studio, task))
            seconds.append(time.process_time() - began)
        results = studio.decode(latents)
        outcomes += judge(scenes[start : start + DECODE_BATCH], results, seconds)
    return outcomes


def judge(
    scenes: Sequence[LeakScene], results: torch.Tensor, seconds: Sequence[float]
) -> list[Outcome]:
    """Metrics of (B, 3, 144, 144) results, one per scene with an equal number of instances."""
    batch, edits = join_edits(scenes)
    source = torch.cat([scene.picture for scene in scenes])
    background = torch.cat([scene.background for scene in scenes])
    silhouettes = torch.cat([scene.silhouettes for scene in scenes])
    shown = shown_objects(results, batch)
    columns = (
        edit_success(shown, edits),
        leakage(shown, edits),
        untouched_rate(shown, batch, edits),
        change_rate(source, results, silhouettes),
        mae_background(source, results, background),
        ssim_background(source, results, background),
        torch.tensor(seconds),
    )
    return [Outcome(*row) for row in torch.stack(columns, dim=1).tolist()]


def as_rows(outcomes: Sequence[Outcome]) -> list[dict[str, float]]:
    """Outcomes as plain dictionaries, for JSON."""
    return [asdict(outcome) for outcome in outcomes]
