"""Which reading of a locator is best, and the figures of `benchmarks.locate.regions` as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

TRUTHS = ("half", "touched", "cell")
Means = dict[str, dict[str, float]]
Figures = dict[str, Any]


def best_reading(means: Mapping[str, float], *prefixes: str) -> tuple[str, float]:
    """The reading with the highest IoU among those whose name starts with a prefix."""
    chosen = {name: value for name, value in means.items() if name.startswith(prefixes)}
    return max(chosen.items(), key=lambda item: item[1])


def reading_inputs(name: str) -> dict[str, Any]:
    """Inputs of Locate Instruction for a reading such as "foi latent/2/4@0.3"."""
    place, _, threshold = name.partition("@")
    source, step, block = place.split("/")
    return {
        "read_from": source.removeprefix("foi "),
        "step": int(step),
        "blocks": "" if block == "middle" else block,
        "threshold": float(threshold or 0.5),
    }


def nested(means: Mapping[str, float], prefix: str) -> dict[str, Any]:
    """{step: {block: IoU}} of one locator, at its standard threshold."""
    table: dict[str, Any] = {}
    for name, value in means.items():
        locator, _, place = name.partition("/")
        if locator == prefix and "@" not in name:
            step, _, block = place.partition("/")
            if block:
                table.setdefault(step, {})[block] = value
            else:
                table[step] = value
    return table


def by_threshold(means: Mapping[str, float], prefix: str) -> dict[str, float]:
    """{threshold: IoU of the best block} of one FoI reading at the first step."""
    table: dict[str, float] = {}
    for name, value in means.items():
        place, _, threshold = name.partition("@")
        if place.startswith(f"{prefix}/1/") and not place.endswith("middle"):
            key = threshold or "0.5"
            table[key] = max(value, table.get(key, 0.0))
    return dict(sorted(table.items()))


def summary(means: Means) -> Figures:
    """The figures in the form of ``regions.json``, for each sense of "true mask"."""
    kinds = ("iid_iou", "foi_iou", "foi_by_threshold", "contrast_iou", "best")
    figures: Figures = {kind: {} for kind in kinds}
    for truth, values in means.items():
        figures["iid_iou"][truth] = nested(values, "iid")
        sources = ("latent", "reference")
        figures["foi_iou"][truth] = {s: nested(values, f"foi {s}") for s in sources}
        thresholds = {s: by_threshold(values, f"foi {s}") for s in sources}
        figures["foi_by_threshold"][truth] = thresholds
        figures["contrast_iou"][truth] = nested(values, "contrast")
        best = {kind: best_reading(values, kind) for kind in ("iid", "foi", "contrast")}
        figures["best"][truth] = {k: {"reading": r, "iou": v} for k, (r, v) in best.items()}
    return figures


def edit_lines(kind: str, methods: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    """Edits as Markdown: mean and 95 % interval."""
    names = ("success", "leak", "untouched", "mae_b", "ssim_b")
    lines = ["", f"## Edits, {kind} instructions", ""]
    lines.append("| method | " + " | ".join(names) + " | refused | s per edit |")
    lines.append("|---" * (len(names) + 3) + "|")
    for method, cell in methods.items():
        values = [
            f"{cell[name]:.2f} [{cell['ci'][name][0]:.2f}, {cell['ci'][name][1]:.2f}]"
            for name in names
        ]
        ends = (f"{cell['refused']} of {cell['scenes']}", f"{cell['seconds']:.2f}")
        lines.append(f"| {method} | " + " | ".join([*values, *ends]) + " |")
    return lines
