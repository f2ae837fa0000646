"""A LoRA for each of two like things, against one for the whole picture and none.

    python -m tools.run benchmarks.leak.instance_loras --loras FOLDER

FOLDER holds what `demo.training.train_lora` made, `hollow.safetensors` and `half.safetensors`. Two
things of one class, each with its own instruction; the first shall be drawn hollow, the second as
its upper half. 100 scenes of the leak benchmark, through ComfyUI's own nodes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...demo.scenes import apply_edits
from ...demo.training.styles import STYLES, shown_styles
from ...tools.load_pack import add_comfyui_to_path
from ..record import write_results
from ..summary import bootstrap_interval
from .conflicts import LeakScene, join_edits, leak_scenes
from .runner import edit_task, judge

SCENES = 100
Regions = Callable[[Any, Any], Any]
DIS = dict.fromkeys(("early", "middle", "late"), "dis")


def lora_regions(studio: Any, task: Any) -> Any:
    """The task's regions, the first with the first style's LoRA, the second with the second's."""
    from .methods import masked_regions

    regions = masked_regions(studio, task)
    for number, style in enumerate(STYLES, start=1):
        (regions,) = studio.run(
            "InstanceEditLora",
            regions=regions,
            instance=str(number),
            lora=f"{style}.safetensors",
            strength_image=1.0,
            strength_text=1.0,
        )
    return regions


def global_lora(studio: Any, model: Any) -> Any:
    """The first style's LoRA on the whole model."""
    return studio.run(
        "LoraLoaderModelOnly",
        model=model,
        lora_name=f"{STYLES[0]}.safetensors",
        strength_model=1.0,
    )[0]


def styles_of(scenes: list[LeakScene], pictures: Tensor) -> Tensor:
    """(B, 2) what the two instances show: 0 plain, 1 hollow, 2 half."""
    batch, edits = join_edits(scenes)
    shown = shown_styles(pictures, apply_edits(batch, edits))
    return torch.stack([row[scene.cells] for row, scene in zip(shown, scenes, strict=True)])


def figures_of(shown: Tensor, mae_b: Tensor) -> dict[str, Any]:
    """Shares with their intervals: in the own style, in the other instance's, plain."""
    own = torch.tensor([1, 2])
    kinds = {"own style": shown == own, "the other's style": shown == own.flip(0)}
    kinds["no style"] = shown == 0
    columns = {name: kind.double().mean(1) for name, kind in kinds.items()} | {"mae_b": mae_b}
    return {
        name: {
            "mean": round(float(values.mean()), 4),
            "ci": [round(bound, 4) for bound in bootstrap_interval(values.tolist())],
        }
        for name, values in columns.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loras", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=SCENES)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="instance-edit-bench-") as base:
        folder = Path(base) / "models" / "loras"
        folder.mkdir(parents=True)
        for style in STYLES:
            name = f"{style}.safetensors"
            (folder / name).write_bytes((options.loras / name).read_bytes())
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        results = measure(leak_scenes(2, options.scenes))
    print(f"written to {write_results('instance_loras', torch.device('cpu'), results)}")


def measure(scenes: list[LeakScene]) -> dict[str, Any]:
    """Figures by method and by what has a LoRA."""
    from ...nodes.methods import idattn, mice
    from ..in_process import demo_studio
    from .methods import compared, masked_regions

    studio = demo_studio()
    tasks = [edit_task(studio, scene, seed) for seed, scene in enumerate(scenes)]
    found: dict[str, Any] = {}
    for name, method, changes in (("mice", mice.METHOD, {}), ("idattn_dis", idattn.METHOD, DIS)):
        ways = {
            "one each": compared(method, changes, lora_regions),
            "one for all": compared(method, changes, masked_regions, global_lora),
            "none": compared(method, changes),
        }
        for way, one in ways.items():
            pictures = studio.decode([one.edit(studio, task) for task in tasks])
            mae_b = torch.tensor([o.mae_b for o in judge(scenes, pictures, [0.0] * len(scenes))])
            found.setdefault(name, {})[way] = figures_of(styles_of(scenes, pictures), mae_b)
            print(name, way, found[name][way], flush=True)
    return found


if __name__ == "__main__":
    main()
