"""What LoRAs of single instances cost a forward.

    python -m tools.run benchmarks.speed.instance_loras

ComfyUI's Flux class at FLUX.2 klein 4B's widths, 1 double and 2 single blocks, 1024 x 1024, one
reference, random weights, one thread. Two instances, each a box with a LoRA of rank 32 on every
linear layer of the blocks; `shares` is how much of the picture both cover.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ...mask_ops.instance_lora import RegionLora
from ...mask_ops.regions import with_lora
from ...tools.load_pack import add_comfyui_to_path
from ...tools.model_shapes import KLEIN_4B, Shape, klein_4b
from ..record import median_seconds, write_results
from ..touched.jobs import touching_regions

SHARES = (0.1, 0.5)
SIDE, RANK, REPEATS = 64, 32, 7
FILE = "instance_edit_bench_lora.safetensors"


def random_lora(model: object, generator: torch.Generator) -> dict[str, Tensor]:
    """Rank 32, bfloat16, for every linear layer in a network's blocks."""
    tensors: dict[str, Tensor] = {}
    network = model.model.diffusion_model  # type: ignore[attr-defined]
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Linear) and "blocks." in name and "mod" not in name:
            out, into = layer.weight.shape
            for side, shape in (("lora_up", (out, RANK)), ("lora_down", (RANK, into))):
                values = torch.randn(shape, generator=generator) * 0.02
                tensors[f"diffusion_model.{name}.{side}.weight"] = values.bfloat16()
    return tensors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cpu")
    with tempfile.TemporaryDirectory(prefix="instance-edit-bench-") as base:
        add_comfyui_to_path(("--cpu", "--use-pytorch-cross-attention", "--base-directory", base))
        folder = Path(base) / "models" / "loras"
        folder.mkdir(parents=True)
        figures = {f"{share:g}": measure(share, folder, arguments.repeats) for share in SHARES}
    print(f"written to {write_results('instance_loras_cpu', device, {'shares': figures})}")


def measure(share: float, folder: Path, repeats: int) -> dict[str, float]:
    """Seconds without the LoRAs, and how many times as long it takes with them."""
    from ...host.lora_shelf import Shelf
    from ...host.run import RUN, RunNote
    from ..speed.forward import random_model
    from ..touched.calls import Job

    device = torch.device("cpu")
    shape = Shape(KLEIN_4B.hidden, 1, 2)
    model = random_model(klein_4b(shape), torch.bfloat16, device)
    save_file(random_lora(model, torch.Generator().manual_seed(0)), folder / FILE)
    plain = touching_regions(2, share, SIDE)
    gated = with_lora(with_lora(plain, 0, RegionLora(FILE)), 1, RegionLora(FILE))
    shelf = Shelf()
    shelf.take(RegionLora(FILE), model.model)
    model.model_options["transformer_options"][RUN] = RunNote(loras=shelf)
    calls = {
        name: Job(model, regions, SIDE).whole()["ours"]
        for name, regions in (("without", plain), ("with", gated))
    }
    seconds = median_seconds(calls, device, repeats)
    ratio = seconds["with"] / seconds["without"]
    print(f"{share:g} of the picture: {ratio:.3f}", flush=True)
    return {"seconds without": seconds["without"], "with/without": ratio}


if __name__ == "__main__":
    main()
