"""Which weights the demo runs on: the reader's own, else the miniature that comes with the pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..comfy_client import Workflow
from ..load_pack import ROOT, find_comfyui

DEMO, SCENE = "InstanceEditDemoModelLoader", "InstanceEditDemoScene"
LOADERS = ("model", "clip", "vae")  # ids of the loaders that replace the demo model's, by slot
FOLDERS = {
    "UNET": ("diffusion_models", "unet"),
    "CLIP": ("text_encoders", "clip"),
    "VAE": ("vae",),
}


class WeightsError(ValueError):
    """Weights were asked for that are not there; the message says where they were looked for."""


@dataclass(frozen=True)
class Loaders:
    """Loader nodes by workflow id (none: the demo model's), and what suits their model."""

    nodes: Workflow
    side: int
    steps: int

    def put_into(self, workflow: Workflow) -> Workflow:
        """The workflow with these loaders in place of the demo model's."""
        if not self.nodes:
            return workflow
        (demo,) = (key for key, node in workflow.items() if node["class_type"] == DEMO)
        kept = {key: node for key, node in workflow.items() if key != demo}
        for node in kept.values():
            inputs = node["inputs"]
            for name, value in inputs.items():
                if isinstance(value, list) and value[0] == demo:
                    inputs[name] = [LOADERS[value[1]], 0]
            if node["class_type"] == "KSampler":
                inputs["steps"] = self.steps
            if node["class_type"] == SCENE:
                inputs["side"] = self.side
        return self.nodes | kept


def choose_loaders(base: Path, asked: Mapping[str, str]) -> Loaders:
    """Loaders for the `UNET`, `CLIP` and `VAE` of `make demo`, or for what comes with the pack.

    Files are paths, or names in the models folders of `COMFYUI_PATH` or `make serve`; CLIP may be
    two: `A,B`.
    """
    given = {key: asked[key] for key in FOLDERS if asked.get(key)}
    if not given:
        return Loaders({}, side=144, steps=8)
    missing = sorted(FOLDERS.keys() - given.keys())
    if missing:
        raise WeightsError(f"{', '.join(missing)} is missing: give UNET, CLIP and VAE together.")
    unet, vae = (_link(base, key, given[key]) for key in ("UNET", "VAE"))
    clips = [_link(base, "CLIP", name) for name in given["CLIP"].split(",")]
    return Loaders(_loaders(unet, clips, vae), side=1024, steps=int(asked.get("STEPS") or 28))


def _loaders(unet: str, clips: list[str], vae: str) -> Workflow:
    model = {"class_type": "UNETLoader", "inputs": {"unet_name": unet, "weight_dtype": "default"}}
    if len(clips) == 1:
        clip = {"class_type": "CLIPLoader", "inputs": {"clip_name": clips[0], "type": "flux2"}}
    else:
        names = {f"clip_name{number}": name for number, name in enumerate(clips, start=1)}
        clip = {"class_type": "DualCLIPLoader", "inputs": {**names, "type": "flux"}}
    codec = {"class_type": "VAELoader", "inputs": {"vae_name": vae}}
    return dict(zip(LOADERS, (model, clip, codec), strict=True))


def _link(base: Path, key: str, file: str) -> str:
    """Make a weights file known to the server; returns the name its loader uses."""
    homes = (find_comfyui(), ROOT / "comfyui_data")
    folders = (home / "models" / folder for home in homes for folder in FOLDERS[key])
    places = [Path(file).expanduser(), *(folder / file for folder in folders)]
    found = next((place.resolve() for place in places if place.is_file()), None)
    if found is None:
        looked = ", ".join(str(place) for place in places)
        raise WeightsError(f"{key}={file} was not found (looked for {looked}).")
    folder = base / "models" / FOLDERS[key][0]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / found.name).symlink_to(found)
    return found.name
