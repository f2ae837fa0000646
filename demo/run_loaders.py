"""Which weights the demo runs on: the reader's own, else the miniature that comes with the pack.

As long as no miniature is trained, a stand-in that nobody trained takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..tools.comfy_client import Workflow
from ..tools.load_pack import ROOT, find_comfyui
from .run_stand_in import FILE, write_stand_in
from .weights import WEIGHTS

Link = list[str | int]

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
    """Loader nodes by workflow id, links that replace others, and what suits their model."""

    nodes: Workflow
    side: int
    steps: int
    links: dict[str, Link] = field(default_factory=dict)

    def put_into(self, workflow: Workflow) -> Workflow:
        """The workflow with these loaders in place of its own, and this number of steps."""
        kept = {key: node for key, node in workflow.items() if key not in (MODEL, CLIP, VAE)}
        for node in kept.values():
            inputs = node["inputs"]
            for name, value in inputs.items():
                if isinstance(value, list) and value[0] in self.links:
                    inputs[name] = self.links[value[0]]
            if node["class_type"] == "KSampler":
                inputs["steps"] = self.steps
        return self.nodes | kept


def choose_loaders(base: Path, wishes: Mapping[str, str]) -> Loaders:
    """Loaders for the `UNET`, `CLIP` and `VAE` of `make demo`, or for what comes with the pack.

    Files are paths, or names in the models folders of `COMFYUI_PATH` or `make serve`; CLIP may be
    two: `A,B`.
    """
    given = {key: wishes[key] for key in FOLDERS if wishes.get(key)}
    if not given:
        return _miniature() if WEIGHTS.is_file() else _stand_in(base)
    missing = sorted(FOLDERS.keys() - given.keys())
    if missing:
        raise WeightsError(f"{', '.join(missing)} is missing: give UNET, CLIP and VAE together.")
    unet, vae = (_link(base, key, given[key]) for key in ("UNET", "VAE"))
    clips = [_link(base, "CLIP", name) for name in given["CLIP"].split(",")]
    return Loaders(_loaders(unet, clips, vae), side=1024, steps=int(wishes.get("STEPS") or 28))


def _miniature() -> Loaders:
    loader = {"class_type": "InstanceEditDemoModelLoader", "inputs": {}}
    links: dict[str, Link] = {CLIP: [MODEL, 1], VAE: [MODEL, 2]}
    return Loaders({MODEL: loader}, side=144, steps=8, links=links)


def _stand_in(base: Path) -> Loaders:
    write_stand_in(base / "models")
    return Loaders(_loaders(FILE, [FILE], FILE), side=144, steps=4)


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
    homes = (find_comfyui(), ROOT / "comfyui_data")
    folders = (home / "models" / folder for home in homes for folder in FOLDERS[key])
    places = [Path(wish).expanduser(), *(folder / wish for folder in folders)]
    found = next((place.resolve() for place in places if place.is_file()), None)
    if found is None:
        looked = ", ".join(str(place) for place in places)
        raise WeightsError(f"{key}={wish} was not found (looked for {looked}).")
    folder = base / "models" / FOLDERS[key][0]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / found.name).symlink_to(found)
    return found.name
