"""What a worker of `make papers` does with one picture: edit it, and judge what came."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ...tools.edit_folder.work import png_of
from ...tools.fleet.models import open_models
from ..studio import Studio
from .item import BenchmarkItem
from .judge import edited, judge, load_metrics
from .weights import Weights

PICTURES = "pictures"
Answer = tuple[dict[str, Any], dict[str, bytes]]


def open_work(settings: dict[str, Any]) -> Callable[[tuple[str, BenchmarkItem]], Answer]:
    """Load models and metrics; the payload is a method's name and an item.

    Raises:
        ValueError: weights that are not there, or no such method.
    """
    weights = Weights(Path(settings["weights"]), settings["net"])
    weights.require(tuple(settings["metrics"]))
    models = open_models(settings)
    from .edit import chosen_methods, edit_item

    methods = chosen_methods(settings["methods"])
    metrics = load_metrics(tuple(settings["metrics"]), weights)
    studio = Studio(
        models.run, models.model, models.clip, models.vae, models.steps, settings["guidance"]
    )

    @torch.inference_mode()
    def work(payload: tuple[str, BenchmarkItem]) -> Answer:
        name, item = payload
        result = edit_item(studio, methods[name], name, item, settings["seed"])
        figures = judge(metrics, edited(item, result))
        path = picture_path(name, item.name)
        row = {"method": name, "instances": len(item.masks), "result": path}
        return {**row, **figures}, {path: png_of(result.movedim(1, -1))}

    return work


def picture_path(method: str, item: str) -> str:
    """Where a method's picture of an item lies in the results' folder."""
    return f"{PICTURES}/{method}/{item}.png"
