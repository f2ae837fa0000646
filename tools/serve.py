"""`make serve`: a ComfyUI with the pack, for a person, until Ctrl-C.

Its models, inputs and outputs live in `COMFYUI_BASE`, by default in the ComfyUI that `COMFYUI_PATH`
names, else in `comfyui_data/`. Further arguments go to ComfyUI as they are.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from pathlib import Path

import torch

from .comfy_server import make_base_directory
from .load_pack import ROOT, find_comfyui

log = logging.getLogger("serve")


def serve(arguments: list[str]) -> None:
    """Become the ComfyUI process."""
    comfyui = find_comfyui()
    given = os.environ.get("COMFYUI_BASE")
    default = comfyui if os.environ.get("COMFYUI_PATH") else ROOT / "comfyui_data"
    base = Path(given).expanduser().resolve() if given else default
    command = [sys.executable, str(comfyui / "main.py"), "--base-directory", str(base), *arguments]
    if not torch.accelerator.is_available():
        command.append("--cpu")
    if base == comfyui:
        command += ["--extra-model-paths-config", str(_pack_as_extra_path())]
    else:
        make_base_directory(base)
    log.info("models, inputs and outputs live in %s", base)
    os.execv(command[0], command)


def _pack_as_extra_path() -> Path:
    """A search path that adds the pack to a ComfyUI without touching its own folders."""
    folder = make_base_directory(Path(tempfile.mkdtemp(prefix="instance-edit-serve-")))
    config = folder / "extra_model_paths.yaml"
    config.write_text(f"instance_edit:\n  base_path: {folder}\n  custom_nodes: custom_nodes\n")
    return config


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    serve(sys.argv[1:])
