"""Run a method over scenes and judge what came out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from ...demo.recognition import shown_objects
from ...evaluation.metrics import change_rate, mae_background, ssim_background
from ..studio import EditTask, Studio
from .baselines import Method
from .conflicts import LeakScene, join_edits
from .crowds import CrowdScene
from .success import edit_success, leakage, untouched_rate

DECODE_BATCH = 2  # pictures of 192 x 192: more no longer fit a processor's cache


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
    return EditTask(
        instructions=tuple(scene.instructions),
        joined=scene.joined,
        joined_with_locations=scene.joined_with_locations,
        **seen(studio, scene),
        seed=seed,
    )


def seen(studio: Studio, scene: LeakScene | CrowdScene) -> dict[str, Any]:
    """What every task gets of a scene beside its words: picture, reference and regions."""
    picture = scene.picture.movedim(1, -1)
    return {
        "picture": picture,
        "reference": studio.encode(picture),
        "masks": scene.masks[0].float(),
        "silhouettes": scene.silhouettes[0].float(),
        "boxes": tuple(tuple(box) for box in scene.boxes),
    }


def run_method(
    studio: Studio, method: Method, scenes: Sequence[LeakScene], tasks: Sequence[EditTask]
) -> list[Outcome]:
    """Edit every scene by itself, decode and judge them in batches."""
    outcomes: list[Outcome] = []
    for part, results, seconds in edited_batches(studio, method, tasks):
        outcomes += judge(scenes[part], results, seconds)
    return outcomes


def edited_batches(
    studio: Studio, method: Method, tasks: Sequence[EditTask]
) -> Iterator[tuple[slice, torch.Tensor, list[float]]]:
    """Edit every scene by itself and decode in batches.

    Yields:
        Which scenes, their (B, 3, H, W) results, and the processor's seconds of each.
    """
    for start in range(0, len(tasks), DECODE_BATCH):
        part = slice(start, start + DECODE_BATCH)
        latents, seconds = [], []
        for task in tasks[part]:
            began = time.process_time()
            latents.append(method.edit(studio, task))
            seconds.append(time.process_time() - began)
        yield part, studio.decode(latents), seconds


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
