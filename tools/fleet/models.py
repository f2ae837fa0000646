"""A worker's ComfyUI with its models loaded: real weights, or the miniature that ships."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..demo.loaders import choose_loaders
from ..load_pack import ROOT, add_comfyui_to_path, find_comfyui


@dataclass(frozen=True)
class Models:
    """What a worker edits with.

    Attributes:
        run: runs a node by its id, see ``node_runner``.
        steps: of sampling, as asked for or as suits the model.
        side: of the square that the model was made for, in pixels.
        home: ComfyUI's own folder, which is there as long as this is.
    """

    run: Callable[..., tuple[Any, ...]]
    model: Any
    clip: Any
    vae: Any
    steps: int
    side: int
    home: tempfile.TemporaryDirectory[str]


def open_models(settings: Mapping[str, Any]) -> Models:
    """Start ComfyUI in this process and load what `UNET`, `CLIP` and `VAE` name.

    Args:
        settings: those three and `STEPS`; "" or left out: the miniature, and what suits the model.

    Raises:
        ValueError: only some of the three, or files that are nowhere.
    """
    home = tempfile.TemporaryDirectory(prefix="instance-edit-worker-")
    device = () if torch.accelerator.is_available() else ("--cpu",)
    link_loras(Path(home.name))
    add_comfyui_to_path((*device, "--base-directory", home.name))
    chosen = choose_loaders(Path(home.name), settings)
    from ..in_process import load_weights, node_runner

    run = node_runner()
    loaded = load_weights(run, chosen)
    steps = int(settings.get("STEPS") or chosen.steps)
    return Models(run, *loaded, steps, chosen.side, home)


def link_loras(home: Path) -> None:
    """Let ComfyUI see the LoRAs that regions name: those of `COMFYUI_PATH`, or of `make serve`."""
    for folder in (find_comfyui(), ROOT / "comfyui_data"):
        loras = folder / "models" / "loras"
        if any(loras.rglob("*.safetensors")):
            (home / "models").mkdir(exist_ok=True)
            (home / "models" / "loras").symlink_to(loras.resolve(), target_is_directory=True)
            return
