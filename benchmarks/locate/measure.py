"""What the locators find on the demo model, and what edits on it are worth.

The seam is imported: `add_comfyui_to_path` comes first.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..leak.conflicts import leak_scenes
from ..leak.runner import as_rows, edit_task, run_method
from ..studio import Studio
from ..summary import summarise
from .edits import edit_methods
from .figures import TRUTHS, Figures, Means, best_reading, reading_inputs
from .locators import found_masks, token_iou, true_tokens, unambiguous_scenes

EDIT_SEED = 97_000


def measure_masks(studio: Studio, instances: int, count: int, steps: int) -> Means:
    """{truth: {locator/step/block: mean IoU over scenes}} on unambiguous scenes."""
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


def measure_edits(
    studio: Studio, instances: int, means: Mapping[str, float], count: int
) -> dict[str, Figures]:
    """Success, leakage and the rest of every method, on scenes that no reading was chosen on.

    "unambiguous": every instruction fits one object. "conflicting": all fit all objects of one
    class, so that only a mask can say which is meant; no locator can know that.
    """
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
