"""The demo's workflow in three forms: one joined prompt, MICE, and IDAttn."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from ..comfy_client import Workflow

SCENE = "InstanceEditDemoScene"
IDATTN = {"method": "IDAttn", "method.early": "har", "method.middle": "dis", "method.late": "har"}


def find(workflow: Workflow, kind: str) -> str:
    """Id of the only node of a kind."""
    (key,) = (key for key, node in workflow.items() if node["class_type"] == kind)
    return key


def with_scene(workflow: Workflow, scene: str, instructions: Sequence[str]) -> Workflow:
    """The workflow on another of the demo's scenes; the decoded picture is saved as it is."""
    changed = copy.deepcopy(workflow)
    changed[find(changed, SCENE)]["inputs"]["scene"] = scene
    regions = changed[find(changed, "InstanceEditRegionsFromMasks")]
    regions["inputs"]["instructions"] = "\n".join(instructions)
    changed[find(changed, "SaveImage")]["inputs"]["images"] = [find(changed, "VAEDecode"), 0]
    return changed


def with_joined_prompt(workflow: Workflow, instructions: Sequence[str]) -> Workflow:
    """All instructions as one ordinary prompt on the unpatched model."""
    changed = copy.deepcopy(workflow)
    encoder = find(changed, "InstanceEditMultiPromptEncode")
    inputs = changed[encoder]["inputs"]
    fitted = [encoder, 3]  # its fourth output, the picture in the size of the latent
    added = {
        "joined": ("CLIPTextEncode", {"clip": inputs["clip"], "text": " and ".join(instructions)}),
        "encoded": ("VAEEncode", {"pixels": fitted, "vae": inputs["vae"]}),
        "asked": ("ReferenceLatent", {"conditioning": ["joined", 0], "latent": ["encoded", 0]}),
    }
    for key, (kind, given) in added.items():
        changed[key] = {"class_type": kind, "inputs": given}
    changed[find(changed, "KSampler")]["inputs"]["positive"] = ["asked", 0]
    model = changed[find(changed, "InstanceEditApplyAttention")]["inputs"]["model"]
    changed[find(changed, "KSampler")]["inputs"]["model"] = model
    return without_previews(changed)


def with_idattn(workflow: Workflow) -> Workflow:
    """IDAttn with the paper's schedule in place of MICE."""
    changed = copy.deepcopy(workflow)
    bias = changed[find(changed, "InstanceEditBuildBias")]["inputs"]
    kept = {key: value for key, value in bias.items() if not key.startswith("method")}
    changed[find(changed, "InstanceEditBuildBias")]["inputs"] = kept | IDATTN
    return without_previews(changed)


def without_previews(workflow: Workflow) -> Workflow:
    """The workflow without the pack's preview nodes."""
    return {
        key: node
        for key, node in workflow.items()
        if not node["class_type"].startswith("InstanceEditPreview")
    }
