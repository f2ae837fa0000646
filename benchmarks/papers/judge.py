"""What one edited picture is worth: a row of figures by metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from ...evaluation.metrics import (
    CHANGE_THRESHOLD,
    change_rate,
    mae_background,
    outside,
    ssim_background,
)
from .item import BenchmarkItem
from .learned import Clip, load_dino, load_lpips
from .reading import character_errors, load_reader, texts_in
from .weights import CLIP, NEEDED, PICKSCORE, Weights

PER_PICTURE = (
    *("tgt_clip", "loc_clip", "clip_i", "clip_d", "dino_i", "pick_score"),
    *("lpips_b", "mae_b", "ssim_b", "ar", "cer"),
)
OF_ALL = ("fid",)
"""Metrics of all pictures together."""


@dataclass(frozen=True)
class Edited:
    """A result beside its source.

    Attributes:
        source, result: (1, 3, H, W) float in [0, 1].
        masks: (1, N, H, W) bool.
        background: (1, H, W) bool.
    """

    item: BenchmarkItem
    source: Tensor
    result: Tensor
    masks: Tensor
    background: Tensor


Metric = Callable[[Edited], float]


def edited(item: BenchmarkItem, result: Tensor) -> Edited:
    """An item with its result (1, 3, H, W)."""
    masks = item.masks.bool()[None]
    return Edited(item, item.picture.movedim(-1, 1), result, masks, outside(masks))


def load_metrics(names: tuple[str, ...], weights: Weights) -> dict[str, Metric]:
    """The metrics of these names; networks are loaded where one asks for them."""
    found: dict[str, Metric] = {
        "mae_b": lambda one: mae_background(one.source, one.result, one.background).item(),
        "ssim_b": lambda one: ssim_background(one.source, one.result, one.background).item(),
        "ar": lambda one: change_rate(one.source, one.result, one.masks, CHANGE_THRESHOLD).item(),
    }
    if any(NEEDED.get(name) == CLIP for name in names):
        found |= clip_metrics(Clip.load(weights))
    if "pick_score" in names:
        picks = Clip.load(weights, PICKSCORE)
        found["pick_score"] = lambda one: picks.text_score(one.result, caption_of(one.item))
    if "dino_i" in names:
        alike = load_dino(weights)
        found["dino_i"] = lambda one: alike(one.source, one.result)
    if "lpips_b" in names:
        distance = load_lpips(weights)
        found["lpips_b"] = lambda one: (
            distance(one.source, one.result, one.background) if one.background.any() else math.nan
        )
    if "cer" in names:
        read = load_reader()
        found["cer"] = lambda one: character_errors(
            texts_in(read(one.result), one.item.boxes), one.item.targets
        )
    return {name: found[name] for name in names if name in PER_PICTURE}


def clip_metrics(clip: Clip) -> dict[str, Metric]:
    """What is measured with CLIP."""
    return {
        "tgt_clip": lambda one: clip.text_score(one.result, caption_of(one.item)),
        "loc_clip": lambda one: clip.box_score(one.result, one.item.boxes, one.item.targets),
        "clip_i": lambda one: clip.picture_score(one.result, one.source),
        "clip_d": lambda one: (
            clip.direction_score(
                (one.source, one.result), (", ".join(one.item.sources), caption_of(one.item))
            )
            if one.item.sources
            else math.nan
        ),
    }


def caption_of(item: BenchmarkItem) -> str:
    """The edited picture in words; where the benchmark has none, its targets in a row."""
    return item.caption or ", ".join(item.targets)


def judge(metrics: Mapping[str, Metric], one: Edited) -> dict[str, float | None]:
    """A value per metric; None where it has nothing to look at, as a picture without background."""
    values = {name: metric(one) for name, metric in metrics.items()}
    return {name: round(v, 5) if math.isfinite(v) else None for name, v in values.items()}
