"""What IID, FoI and velocity contrast find on the demo model, and edits on what they found.

    python -m tools.run benchmarks.locate.regions [--instances 3] [--scenes 60] [--steps 4] ..

Writes results/regions.json and results/regions_table.md. Which block and step read best is chosen
on other scenes than those that are edited.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from torch import device

from ...tools.load_pack import add_comfyui_to_path
from ..record import RESULTS, write_results

EDIT_SEED = 97_000
TRUTHS = ("half", "touched", "cell")
Means = dict[str, dict[str, float]]
Figures = dict[str, Any]


def measure_masks(studio: Any, instances: int, count: int, steps: int) -> Means:
    """{truth: {locator/step/block: mean IoU over scenes}} on unambiguous scenes."""
    from ..leak.runner import edit_task
    from .locators import found_masks, token_iou, true_tokens, unambiguous_scenes

    sums: Means = {truth: {} for truth in TRUTHS}
    for seed, scene in enumerate(unambiguous_scenes(instances, count)):
        found = found_masks(studio, edit_task(studio, scene, seed), steps)
        for truth, tokens in true_tokens(scene).items():
            for name, masks in found.items():
                sums[truth][name] = sums[truth].get(name, 0.0) + token_iou(masks, tokens) / count
    return {
        truth: {name: round(value, 4) for name, value in means.items()}
        for truth, means in sums.items()
    }


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


def measure_edits(
    studio: Any, instances: int, means: Mapping[str, float], count: int
) -> dict[str, Figures]:
    """Success, leakage and the rest of every method, on scenes that no reading was chosen on.

    "unambiguous": every instruction fits one object. "conflicting": all fit all objects of one
    class, so that only a mask can say which is meant; no locator can know that.
    """
    from ..leak.runner import as_rows, edit_task, run_method
    from ..leak.scenes import leak_scenes
    from ..summary import summarise
    from .edits import edit_methods
    from .locators import unambiguous_scenes

    iid, _ = best_reading(means, "iid/")
    foi, _ = best_reading(means, "foi ")
    sets = {
        "unambiguous": unambiguous_scenes(instances, count, EDIT_SEED),
        "conflicting": leak_scenes(instances, count),
    }
    figures: dict[str, Figures] = {}
    for kind, scenes in sets.items():
        refused: dict[str, list[int]] = {}
        methods = edit_methods({"blocks": iid.rpartition("/")[2]}, reading_inputs(foi), refused)
        tasks = [edit_task(studio, scene, seed) for seed, scene in enumerate(scenes)]
        figures[kind] = {}
        for name, method in methods.items():
            cell = summarise(as_rows(run_method(studio, method, scenes, tasks)), 1)
            del cell["forwards_per_step"]
            figures[kind][name] = {**cell, "refused": len(refused[name])}
            print(f"{kind}, {name}: {cell['success']}, leak {cell['leak']}", flush=True)
    return figures


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


def table(figures: Figures, instances: int, steps: int) -> str:
    """The same as Markdown."""
    lines = ["# Regions nobody drew, on the demo model", ""]
    lines.append(f"{instances} instructions a scene, {steps} Euler steps, tokens 9 x 9.")
    for truth in TRUTHS:
        lines += ["", f"## IoU with the true tokens, '{truth}'", ""]
        rows = {f"IID, step {s}": r for s, r in figures["iid_iou"][truth].items()}
        for source, by_step in figures["foi_iou"][truth].items():
            rows |= {f"FoI, {source}, step {s}": r for s, r in by_step.items()}
        blocks = list(dict.fromkeys(block for row in rows.values() for block in row))
        lines.append("| reading | " + " | ".join(f"block {b}" for b in blocks) + " |")
        lines.append("|---" * (len(blocks) + 1) + "|")
        for name, row in rows.items():
            cells = [f"{row[b]:.2f}" if b in row else "" for b in blocks]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines += ["", "FoI at the first step, best block, by threshold:"]
        for source, row in figures["foi_by_threshold"][truth].items():
            lines[-1] += f" {source} " + ", ".join(f"{t}: {v:.2f}" for t, v in row.items()) + "."
        contrast = figures["contrast_iou"][truth]
        lines += ["", "Velocity contrast over the first steps: "]
        lines[-1] += ", ".join(f"{s}: {value:.2f}" for s, value in contrast.items()) + "."
        best = figures["best"][truth]
        lines += ["", "Best: " + ", ".join(f"{b['reading']} {b['iou']:.2f}" for b in best.values())]
    for kind, methods in figures.get("methods", {}).items():
        lines += edit_lines(kind, methods)
    return "\n".join(lines) + "\n"


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


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=3, help="per scene; default 3")
    parser.add_argument("--scenes", type=int, default=60, help="read; default 60")
    parser.add_argument("--edit-scenes", type=int, default=60, help="edited; default 60")
    parser.add_argument("--steps", type=int, default=4, help="Euler steps; default 4")
    parser.add_argument("--read", type=int, default=3, help="first steps that are read; default 3")
    parser.add_argument("--name", default="regions", help="of the result files")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="instance-edit-regions-") as base:
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        from ..in_process import demo_studio

        studio = demo_studio(arguments.steps)
        means = measure_masks(studio, arguments.instances, arguments.scenes, arguments.read)
        figures = summary(means)
        print(json.dumps(figures["best"], indent=1), flush=True)
        if arguments.edit_scenes:
            figures["methods"] = measure_edits(
                studio, arguments.instances, means["touched"], arguments.edit_scenes
            )
    text = table(figures, arguments.instances, arguments.steps)
    settings = {name: getattr(arguments, name) for name in ("instances", "steps", "scenes")}
    write_results(arguments.name, device("cpu"), {**figures, "settings": settings})
    (RESULTS / f"{arguments.name}_table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
