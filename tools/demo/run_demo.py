"""`make demo`: three edits of three like objects in one pass on a real, headless ComfyUI server.

Saves under `demo_out/` the picture, what one joined prompt, MICE and IDAttn make of it, a picture
of MICE's bias, and all of them on one contact sheet. With `make demo UNET=.. CLIP=.. VAE=..` (and
`STEPS=..`) it runs on real weights.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from ...demo.example import SCENES, write_scene
from ..comfy_server import ComfyServer, ServerError, make_base_directory
from ..load_pack import ROOT, ComfyUIMissingError
from .loaders import WeightsError, choose_loaders
from .sheet import contact_sheet
from .variants import find, with_idattn, with_joined_prompt, with_scene

OUT = ROOT / "demo_out"
WORKFLOW = ROOT / "workflows" / "api" / "first_edit.json"
SCENE = "three circles"
TITLE = "Three circles, three instructions, one pass"
NAMES = {
    "source": "picture",
    "single_prompt": "one joined prompt",
    "mice": "MICE",
    "idattn": "IDAttn",
}

log = logging.getLogger("demo")


def run_demo(base: Path, out: Path) -> None:
    """Everything from the scene to the saved pictures; `base` is the server's own folder."""
    out.mkdir(exist_ok=True)
    loaders = choose_loaders(base, os.environ)
    instances = SCENES[SCENE]
    write_scene(out, loaders.side, instances)
    instructions = [instance.instruction for instance in instances]
    mice = with_scene(loaders.put_into(json.loads(WORKFLOW.read_text())), SCENE, instructions)
    variants = {"single_prompt": with_joined_prompt(mice, instructions), "mice": mice}
    variants["idattn"] = with_idattn(mice)
    arguments = () if torch.accelerator.is_available() else ("--cpu",)
    log.info("starting ComfyUI")
    with ComfyServer(make_base_directory(base), arguments) as server:
        server.require_nodes(*{node["class_type"] for node in mice.values()})
        for name, workflow in variants.items():
            log.info("%s", NAMES[name])
            outputs = server.run(workflow)
            save(server, outputs, find(workflow, "SaveImage"), out / f"{name}.png")
            if name == "mice":
                save(server, outputs, find(workflow, "InstanceEditPreviewBias"), out / "bias.png")
    pictures = {label: Image.open(out / f"{name}.png") for name, label in NAMES.items()}
    lines = [f"{number}  {text}" for number, text in enumerate(instructions, start=1)]
    contact_sheet(pictures, Image.open(out / "bias.png"), TITLE, lines).save(out / "sheet.png")


def save(server: ComfyServer, outputs: dict[str, Any], node: str, path: Path) -> None:
    """Fetch the only picture of an output node."""
    (picture,) = server.client.pictures(outputs, node)
    path.write_bytes(picture)


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    log.setLevel(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="instance-edit-demo-") as base:
        try:
            run_demo(Path(base), OUT)
        except (ServerError, WeightsError, ComfyUIMissingError) as error:
            log.error("%s", error)
            return 1
    log.info("saved the pictures and sheet.png, all of them on one page, in %s", OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
