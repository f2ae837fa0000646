"""What FoI's threshold and gamma find on the demo model, by the blocks that are read.

    python -m tools.run benchmarks.locate.focus [--scenes 60]

Writes results/foi_focus.json and, from it, results/foi_focus.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, device

from ...mask_ops.foi import Focus, foi_masks
from ...tools.load_pack import add_comfyui_to_path
from ..record import RESULTS, write_results

GAMMAS = (0, 1, 2, 3)
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
MIDDLE = "middle half"
Reading = tuple[str, int, float]
Cells = dict[str, dict[str, dict[str, float]]]


def readings(maps: Mapping[str, Tensor]) -> dict[Reading, Tensor]:
    """The (N, h, w) masks of every (blocks, gamma, threshold)."""
    return {
        (blocks, gamma, tau): foi_masks(one, Focus(tau, gamma)).masks
        for blocks, one in maps.items()
        for gamma in GAMMAS
        for tau in THRESHOLDS
    }


def cells(means: Mapping[Reading, float]) -> Cells:
    """{blocks: {gamma: {threshold: IoU}}}, of the single blocks the best one's for each."""
    kinds: Cells = {MIDDLE: {}, "best block": {}}
    for gamma in GAMMAS:
        for kind, table in kinds.items():
            row = table.setdefault(str(gamma), {})
            for tau in THRESHOLDS:
                found = [
                    value
                    for (blocks, power, at), value in means.items()
                    if (power, at) == (gamma, tau) and (blocks == MIDDLE) == (kind == MIDDLE)
                ]
                row[str(tau)] = round(max(found), 4)
    return kinds


def measure(scenes: int) -> Cells:
    """Mean IoU with the tokens that an object touches, three instructions a scene, first step."""
    from ...host.foi_locate import MIDDLE as BLOCKS
    from ..in_process import demo_studio
    from ..leak.runner import edit_task
    from .locators import (
        foi_captures,
        located_conditioning,
        token_iou,
        true_tokens,
        unambiguous_scenes,
    )

    studio = demo_studio()
    sums: dict[Reading, float] = {}
    for seed, scene in enumerate(unambiguous_scenes(3, scenes)):
        task = edit_task(studio, scene, seed)
        _, conditioning = located_conditioning(studio, task)
        capture = foi_captures(studio, task, conditioning, studio.schedule()[:2])["latent"]
        maps = {str(block): calls[0][0].mean(0) for (_, block), calls in capture.maps.items()}
        maps[MIDDLE] = torch.stack([maps[str(block)] for block in BLOCKS.run.of(len(maps))]).mean(0)
        true = true_tokens(scene)["touched"]
        for reading, masks in readings(maps).items():
            sums[reading] = sums.get(reading, 0.0) + token_iou(masks, true) / scenes
    return cells(sums)


def page(figures: Mapping[str, Any]) -> str:
    """What ``foi_focus.json`` holds as Markdown."""
    scenes = figures["settings"]["scenes"]
    lines = ["# FoI's threshold and gamma on the demo model", ""]
    lines.append(f"Mean IoU with the tokens that an object touches; {scenes} scenes, three")
    lines.append("instructions each, the first of four steps. Made by `benchmarks.locate.focus`.")
    for kind, table in figures["iou"].items():
        lines += ["", f"## {kind.capitalize()}", ""]
        lines.append("| gamma | " + " | ".join(map(str, THRESHOLDS)) + " |")
        lines.append("|---" * (len(THRESHOLDS) + 1) + "|")
        for gamma, row in table.items():
            lines.append(f"| {gamma} | " + " | ".join(f"{iou:.2f}" for iou in row.values()) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=60, help="default 60")
    scenes = parser.parse_args(arguments).scenes
    with tempfile.TemporaryDirectory(prefix="instance-edit-focus-") as base:
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        figures = {"iou": measure(scenes), "settings": {"scenes": scenes}}
    path = write_results("foi_focus", device("cpu"), figures)
    (RESULTS / "foi_focus.md").write_text(page(json.loads(path.read_text())))


if __name__ == "__main__":
    main()
