"""`make demo`: three edits in one pass on a real, headless ComfyUI server.

Saves the picture, the result and a picture of the bias under `demo_out/`. With
`make demo UNET=.. CLIP=.. VAE=..` (and `STEPS=..`) it runs on real weights.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from pathlib import Path

import torch

from ..tools.comfy_server import ComfyServer, ServerError, make_base_directory
from ..tools.load_pack import ROOT, ComfyUIMissingError
from .run_loaders import WeightsError, choose_loaders
from .run_scene import write_scene

OUT = ROOT / "demo_out"
WORKFLOW = ROOT / "workflows" / "api" / "first_edit.json"
OUTPUTS = {"result": "SaveImage", "bias": "InstanceEditPreviewBias"}

log = logging.getLogger("demo")


def run_demo(base: Path, out: Path) -> None:
    """Everything from the scene to the saved pictures; `base` is the server's own folder."""
    out.mkdir(exist_ok=True)
    loaders = choose_loaders(base, os.environ)
    write_scene(out, loaders.side)
    workflow = loaders.put_into(json.loads(WORKFLOW.read_text()))
    arguments = () if torch.accelerator.is_available() else ("--cpu",)
    log.info("starting ComfyUI")
    with ComfyServer(make_base_directory(base), arguments) as server:
        server.require_nodes(*{node["class_type"] for node in workflow.values()})
        outputs = server.run(workflow)
        for name, kind in OUTPUTS.items():
            (node,) = (key for key in workflow if workflow[key]["class_type"] == kind)
            (picture,) = server.client.pictures(outputs, node)
            (out / f"{name}.png").write_bytes(picture)


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    log.setLevel(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="instance-edit-demo-") as base:
        try:
            run_demo(Path(base), OUT)
        except (ServerError, WeightsError, ComfyUIMissingError) as error:
            log.error("%s", error)
            return 1
    log.info("saved source.png, result.png and bias.png in %s", OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
