"""Means over scenes and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

import torch
from torch import Tensor

METRICS = ("success", "leak", "untouched", "changed", "mae_b", "ssim_b")
RESAMPLES = 2000
SEED = 1


def bootstrap_interval(values: Sequence[float], share: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, scenes drawn with replacement; seeded.

    All values alike give an interval of no width: read 0 and 100 % over 100 scenes as "within
    about 3 points" (rule of three).

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("an interval needs at least one value, got none.")
    sample = torch.tensor(values, dtype=torch.float64)
    generator = torch.Generator().manual_seed(SEED)
    draws = torch.randint(len(values), (RESAMPLES, len(values)), generator=generator)
    means = sample[draws].mean(1)
    tail = (1 - share) / 2
    low, high = _quantiles(means, tail)
    return low, high


def summarise(
    rows: Sequence[Mapping[str, float]], forwards: int, metrics: Sequence[str] = METRICS
) -> dict[str, object]:
    """One cell of the table from the outcomes of its scenes.

    Returns:
        mean of every metric and "ci" {metric: [low, high]} (None where no scene has the metric),
        "scenes", "forwards_per_step" and the median processor "seconds" of one edit.
    """
    cell: dict[str, object] = {}
    intervals: dict[str, list[float] | None] = {}
    for metric in metrics:
        values = [row[metric] for row in rows if not math.isnan(row[metric])]
        cell[metric] = round(sum(values) / len(values), 4) if values else None
        bounds = bootstrap_interval(values) if values else None
        intervals[metric] = None if bounds is None else [round(bound, 4) for bound in bounds]
    return {
        **cell,
        "ci": intervals,
        "scenes": len(rows),
        "forwards_per_step": forwards,
        "seconds": round(median(row["seconds"] for row in rows), 4),
    }


def _quantiles(means: Tensor, tail: float) -> tuple[float, float]:
    low, high = torch.quantile(means, torch.tensor([tail, 1 - tail], dtype=means.dtype)).tolist()
    return low, high
