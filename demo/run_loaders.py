"""Which weights the demo runs on: the reader's own, or a stand-in that nobody trained."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..tools.comfy_client import Workflow
from .run_stand_in import FILE, write_stand_in

MODEL, CLIP, VAE = "1", "2", "3"  # the loaders' ids in the workflow
FOLDERS = {
    "UNET": ("diffusion_models", "unet"),
    "CLIP": ("text_encoders", "clip"),
    "VAE": ("vae",),
}


class WeightsError(ValueError):
    """Weights were asked for that are not there; the message says where they were looked for."""


@dataclass(frozen=True)
class Loaders:
    """Loader nodes by workflow id, and how the workflow suits their model."""

    nodes: Workflow
    side: int
    steps: int

    def put_into(self, workflow: Workflow) -> Workflow:
        """The workflow with these loaders and steps."""
        filled = {**workflow, **self.nodes}
        for node in filled.values():
            if node["class_type"] == "KSampler":
                node["inputs"]["steps"] = self.steps
        return filled


def choose_loaders(base: Path, wishes: Mapping[str, str]) -> Loaders:
    """Loaders for the `UNET`, `CLIP` and `VAE` of `make demo`, or for the stand-in without them.

    Files are paths, or names in the models folders of `COMFYUI_PATH`; CLIP may be two: `A,B`.
    """
    given = {key: wishes[key] for key in FOLDERS if wishes.get(key)}
    if not given:
        write_stand_in(base / "models")
        return Loaders(_loaders(FILE, [FILE], FILE), side=144, steps=4)
    missing = sorted(FOLDERS.keys() - given.keys())
    if missing:
        raise WeightsError(f"{', '.join(missing)} is missing: give UNET, CLIP and VAE together.")
    unet, vae = (_link(base, key, given[key]) for key in ("UNET", "VAE"))
    clips = [_link(base, "CLIP", name) for name in given["CLIP"].split(",")]
    return Loaders(_loaders(unet, clips, vae), side=1024, steps=int(wishes.get("STEPS") or 28))


def _loaders(unet: str, clips: list[str], vae: str) -> Workflow:
    model = {"class_type": "UNETLoader", "inputs": {"unet_name": unet, "weight_dtype": "default"}}
    if len(clips) == 1:
        clip = {"class_type": "CLIPLoader", "inputs": {"clip_name": clips[0], "type": "flux2"}}
    else:
        names = {f"clip_name{number}": name for number, name in enumerate(clips, start=1)}
        clip = {"class_type": "DualCLIPLoader", "inputs": {**names, "type": "flux"}}
    return {
        MODEL: model,
        CLIP: clip,
        VAE: {"class_type": "VAELoader", "inputs": {"vae_name": vae}},
    }


def _link(base: Path, key: str, wish: str) -> str:
    """Make a weights file known to the server; returns the name its loader uses."""
    models = Path(os.environ.get("COMFYUI_PATH") or ".") / "models"
    places = [Path(wish).expanduser(), *(models / folder / wish for folder in FOLDERS[key])]
    found = next((place.resolve() for place in places if place.is_file()), None)
    if found is None:
        looked = ", ".join(str(place) for place in places)
        raise WeightsError(f"{key}={wish} was not found (looked for {looked}).")
    folder = base / "models" / FOLDERS[key][0]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / found.name).symlink_to(found)
    return found.name
