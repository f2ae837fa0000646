"""A LoRA trained with the masks active against the base, and against one trained without them.

    python -m tools.run benchmarks.leak.trained_loras [--seeds 3] [--scenes 100]

IDAttn's *dis* throughout, five instructions in conflict: where the miniature's base fails. Each
seed has a folder of samples of its own; `make train-lora`'s own command trains on it, with *dis*
and with no bias at all. All are then edited with *dis*, on the leak benchmark's scenes, on which
nothing was trained. Trainings are kept in `build/trained_loras` and go on where they were stopped.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ...mask_ops.drawn_regions import drawn_of
from ...mask_ops.regions import InstanceRegion
from ...mask_ops.regions_json import write_regions_json
from ...tools.load_pack import ROOT, add_comfyui_to_path
from ..cache import EDITORS, cache_folder
from ..record import write_results
from ..summary import bootstrap_interval
from .conflicts import LeakScene, leak_scenes

INSTANCES, SAMPLES, STEPS = 5, 200, 100
DATA_SEED, APART = 5_000_000, 1_000
DIS = dict.fromkeys(("early", "middle", "late"), "dis")
WAYS = {
    "with": ("--set", *(f"{name}={kind}" for name, kind in DIS.items())),
    "without": ("--without-masks",),
}
"""How a LoRA is trained: with the bias that the edit will have, and with none."""
SETTINGS = ("--batch", "8", "--rate", "1e-3", "--every", "10", "--keep-activations")


def write_folder(folder: Path, scenes: Sequence[LeakScene]) -> Path:
    """The scenes as a training folder: before, after, and a mask with an instruction for each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, scene in enumerate(scenes):
        pairs = zip(scene.instructions, scene.masks[0], strict=True)
        regions = [InstanceRegion(text, mask=mask) for text, mask in pairs]
        text = write_regions_json(drawn_of(regions))
        (folder / f"{number:04}.json").write_text(text, encoding="utf-8")
        as_picture(scene.picture).save(folder / f"{number:04}.png")
        as_picture(scene.wanted).save(folder / f"{number:04}.edited.png")
    return folder


def as_picture(image: Tensor) -> Image.Image:
    """A (1, 3, H, W) picture in [0, 1]."""
    return Image.fromarray((image[0].movedim(0, -1) * 255).round().byte().numpy())


def train(data: Path, out: Path, seed: int, way: str, steps: int) -> None:
    """Run the command on the miniature; what is finished already stays."""
    given = ("--data", str(data), "--out", str(out), "--seed", str(seed), "--steps", str(steps))
    weights = dict.fromkeys(("UNET", "CLIP", "VAE"), "")
    subprocess.run(
        [
            *(sys.executable, "-m", "tools.run", "tools.training.train_lora"),
            *(*given, *SETTINGS, *WAYS[way]),
        ],
        cwd=ROOT,
        env={**os.environ, **weights},
        check=True,
    )


def trained_files(kept: Path, seeds: int, steps: int, samples: int) -> dict[str, Path]:
    """The LoRAs of every way and seed, by name; trained where they are not yet."""
    files: dict[str, Path] = {}
    for seed in range(seeds):
        scenes = leak_scenes(INSTANCES, samples, DATA_SEED + APART * seed)
        data = write_folder(kept / f"data_{seed}", scenes)
        for way in WAYS:
            files[f"{way}_{seed}"] = kept / f"{way}_{seed}.safetensors"
            train(data, files[f"{way}_{seed}"], seed, way, steps)
    return files


def measure(names: Sequence[str], scenes: int) -> dict[str, list[dict[str, float]]]:
    """Per LoRA, and for the base, the outcomes of all scenes under *dis*.

    Args:
        names: of files in ComfyUI's folder of LoRAs, without suffix.
    """
    from ...nodes.methods import idattn
    from ..in_process import demo_studio
    from .methods import compared
    from .runner import as_rows, edit_task, run_method

    studio, drawn = demo_studio(), leak_scenes(INSTANCES, scenes)
    tasks = [edit_task(studio, scene, seed) for seed, scene in enumerate(drawn)]

    def loaded(name: str) -> Any:
        given = {"lora_name": f"{name}.safetensors", "strength_model": 1.0}
        return lambda studio, model: studio.run("LoraLoaderModelOnly", model=model, **given)[0]

    found: dict[str, list[dict[str, float]]] = {}
    for name in ("base", *names):
        patch = None if name == "base" else loaded(name)
        method = compared(idattn.METHOD, DIS, patch=patch)
        found[name] = as_rows(run_method(studio, method, drawn, tasks))
        print(name, mean_of([row["success"] for row in found[name]]), flush=True)
    return found


def mean_of(values: Sequence[float]) -> dict[str, Any]:
    """Mean and its 95 % interval."""
    low, high = bootstrap_interval(values)
    return {"mean": round(sum(values) / len(values), 4), "ci": [round(low, 4), round(high, 4)]}


def figures_of(outcomes: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Per LoRA success, MAE_B, and the differences of success, scene by scene: to the base, and to
    the LoRA of the same seed that was trained without the bias."""
    success = {name: [row["success"] for row in rows] for name, rows in outcomes.items()}
    found: dict[str, Any] = {}
    for name, rows in outcomes.items():
        found[name] = {
            "success": mean_of(success[name]),
            "mae_b": mean_of([row["mae_b"] for row in rows]),
        }
        way, _, seed = name.partition("_")
        others = {"base": "base", "without": f"without_{seed}" if way == "with" else name}
        for what, other in others.items():
            if other != name:
                pairs = zip(success[name], success[other], strict=True)
                found[name][f"minus {what}"] = mean_of([one - two for one, two in pairs])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--steps", type=int, default=STEPS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = {**vars(options), "instances": INSTANCES, "command": " ".join(SETTINGS)}
    shape = repr({name: settings[name] for name in ("samples", "steps", "command")})
    kept = cache_folder("trained_loras", (*EDITORS, "tools/training"), shape)
    files = trained_files(kept, options.seeds, options.steps, options.samples)
    with tempfile.TemporaryDirectory(prefix="instance-edit-bench-") as base:
        folder = Path(base) / "models" / "loras"
        folder.mkdir(parents=True)
        for name, path in files.items():
            shutil.copyfile(path, folder / f"{name}.safetensors")
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        figures = figures_of(measure(list(files), options.scenes))
    results = {"settings": settings, "loras": figures}
    print(f"written to {write_results('trained_loras', torch.device('cpu'), results)}")


if __name__ == "__main__":
    main()
