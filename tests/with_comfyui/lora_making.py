"""LoRA files for tests: random ones for the layers of a model, in core's folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, folder_paths

RANK, LOUD = 4, 0.3


def loras_folder() -> Path:
    """The first folder in which core looks for LoRAs."""
    folder = Path(folder_paths.get_folder_paths("loras")[0])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save_lora(name: str, tensors: dict[str, torch.Tensor]) -> str:
    """The name of a file that core's loaders find."""
    path = loras_folder() / f"{name}.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    folder_paths.filename_list_cache.pop("loras", None)
    return path.name


def linear_layers(model: ModelPatcher) -> list[str]:
    """Names of all linear layers of a model's network."""
    network = model.model.diffusion_model
    return [name for name, layer in network.named_modules() if isinstance(layer, torch.nn.Linear)]


def random_lora(
    model: ModelPatcher, layers: Iterable[str], seed: int = 0, rank: int = RANK
) -> dict[str, torch.Tensor]:
    """In the layout of ComfyUI's own names."""
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for name in layers:
        layer: Any = model.model.diffusion_model.get_submodule(name)
        out, into = layer.weight.shape
        up = torch.randn(out, rank, generator=generator) * LOUD / rank**0.5
        down = torch.randn(rank, into, generator=generator) / into**0.5
        tensors[f"diffusion_model.{name}.lora_up.weight"] = up
        tensors[f"diffusion_model.{name}.lora_down.weight"] = down
    return tensors
