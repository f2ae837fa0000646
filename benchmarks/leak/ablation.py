"""MICE's ablations on the demo model: what smooths, what a region is, and k x tau.

    python -m tools.run benchmarks.leak.ablation [--scenes 30]

Writes results/ablation.json and, from it, results/ablation.md. Scenes are those of the leak
benchmark: three instructions in conflict each.
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

INSTANCES = 3
KERNELS = (1, 3, 5, 7, 11)
TEMPERATURES = (1.0, 2.0, 4.0, 8.0, 16.0)
WORDS = {"masks": "silhouettes grown by 8 pixels", "boxes": "boxes", "exact": "silhouettes alone"}
Cell = Mapping[str, float]
Figures = Mapping[str, Mapping[str, Any]]


def measure(scenes: int) -> dict[str, dict[str, Cell]]:
    """{"smoothing": {"method, regions": cell}, "grid": {"k, tau": cell}}, cells of success, leak
    and MAE_B."""
    from ...nodes.methods import mice, naive_mice
    from ..in_process import demo_studio
    from ..summary import summarise
    from .baselines import BASELINES
    from .crowd_runner import crowd_task, run_crowds
    from .crowds import crowd_scenes
    from .methods import boxed_regions, compared, exact_regions, masked_regions
    from .runner import as_rows

    studio, drawn = demo_studio(), crowd_scenes(str(INSTANCES), scenes)
    tasks = [crowd_task(studio, scene, seed) for seed, scene in enumerate(drawn)]

    def cell(method: Any) -> Cell:
        found = summarise(as_rows(run_crowds(studio, method, drawn, tasks)), 1)
        return {name: found[name] for name in ("success", "leak", "mae_b")}

    places = {"masks": masked_regions, "boxes": boxed_regions, "exact": exact_regions}
    variants = {
        "MICE": (mice.METHOD, {}),
        "naive smoothing": (naive_mice.METHOD, {}),
        "no smoothing (k = 1)": (mice.METHOD, {"kernel_size": 1}),
    }
    smoothing = {
        f"{name}, {place}": cell(compared(method, changes, regions))
        for name, (method, changes) in variants.items()
        for place, regions in places.items()
    }
    smoothing["no bias"] = cell(BASELINES["vanilla"])
    grid = {
        f"{k}, {tau:g}": cell(
            compared(mice.METHOD, {"kernel_size": k, "temperature": tau}, exact_regions)
        )
        for k in KERNELS
        for tau in TEMPERATURES
    }
    return {"smoothing": smoothing, "grid": grid}


def page(figures: Figures) -> str:
    """The figures as Markdown."""
    scenes = figures["settings"]["scenes"]
    lines = ["# MICE's ablations on the demo model", ""]
    lines.append(f"{scenes} scenes with {INSTANCES} instructions in conflict, four steps. Made by")
    lines.append("`benchmarks.leak.ablation`. Success and leakage in %, MAE_B in 0 .. 255.")
    lines += ["", "## What smooths, and what a region is (k = 3, tau = 1)", ""]
    lines += ["| method | regions | success | leakage | MAE_B |", "|---|---|---|---|---|"]
    for name, cell in figures["smoothing"].items():
        method, _, place = name.partition(", ")
        shown = f"{100 * cell['success']:.0f} | {100 * cell['leak']:.0f} | {cell['mae_b']:.2f}"
        lines.append(f"| {method} | {WORDS.get(place, '')} | {shown} |")
    lines += ["", "## Success in silhouettes alone, by kernel and temperature", ""]
    lines.append("| k | " + " | ".join(f"tau {tau:g}" for tau in TEMPERATURES) + " |")
    lines.append("|---" * (len(TEMPERATURES) + 1) + "|")
    for k in KERNELS:
        row = [figures["grid"][f"{k}, {tau:g}"]["success"] for tau in TEMPERATURES]
        lines.append(f"| {k} | " + " | ".join(f"{100 * success:.0f}" for success in row) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=30, help="default 30")
    scenes = parser.parse_args(arguments).scenes
    with tempfile.TemporaryDirectory(prefix="instance-edit-ablation-") as base:
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        figures = measure(scenes)
    path = write_results("ablation", device("cpu"), {**figures, "settings": {"scenes": scenes}})
    (RESULTS / "ablation.md").write_text(page(json.loads(path.read_text())))


if __name__ == "__main__":
    main()
