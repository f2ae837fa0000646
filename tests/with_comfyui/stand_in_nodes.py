"""For the test server: stand-ins for what no test machine can load, and a check without a run.

Linked into the server's `custom_nodes`. A stock loader cannot take a miniature text encoder, and
SAM 3's weights cannot be had here.
A prompt posted to `/stand_in/validate` is checked as ComfyUI checks it, and does not run.
"""

import sys
from functools import partial
from pathlib import Path

import execution
import torch
from aiohttp import web
from server import PromptServer

TOOLS = str(Path(__file__).resolve().parents[2] / "tools")
sys.path.insert(0, TOOLS)
from load_pack import load_pack  # noqa: E402

sys.path.remove(TOOLS)
load_pack()

from instance_edit.benchmarks.decode.decode import QUARTER, random_vae  # noqa: E402
from instance_edit.tests.with_comfyui import tiny_clips  # noqa: E402
from instance_edit.tests.with_comfyui.tiny_families import FAMILIES  # noqa: E402

CLIPS = {
    "flux1": tiny_clips.flux1_clip,
    "klein": tiny_clips.klein_clip,
    **{name: partial(tiny_clips.qwen_clip, name) for name in tiny_clips.QWEN},
    "chroma": tiny_clips.chroma_clip,
    "krea2": tiny_clips.fitting_krea2_clip,
    "longcat": tiny_clips.fitting_longcat_clip,
}


class StandInClip:
    """A miniature text encoder with core's own tokenizers and padding."""

    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "load", ("CLIP",)

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        return {"required": {"kind": (list(CLIPS),)}}

    def load(self, kind: str) -> tuple:
        return (CLIPS[kind](),)


class StandInModel:
    """A miniature of a family whose widths core's detection takes for granted."""

    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "load", ("MODEL",)

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        return {"required": {"name": (list(FAMILIES),)}}

    def load(self, name: str) -> tuple:
        return (FAMILIES[name][1](),)


class StandInCodec:
    """FLUX.2's autoencoder at a quarter of its width."""

    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "load", ("VAE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        return {"required": {}}

    def load(self) -> tuple:
        return (random_vae(packed=True, width=QUARTER),)


class StandInPlanner:
    """A miniature Qwen3-VL that answers what a file says."""

    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "load", ("CLIP",)

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        return {"required": {"path": ("STRING", {})}}

    def load(self, path: str) -> tuple:
        return (tiny_clips.planner_clip(Path(path).read_text(encoding="utf-8")),)


class StandInMasks:
    """A batch of masks, as SAM3 Detect gives it, from a file of tensors."""

    CATEGORY, FUNCTION, RETURN_TYPES = "tests", "load", ("MASK",)

    @classmethod
    def INPUT_TYPES(cls) -> dict:
        return {"required": {"path": ("STRING", {})}}

    def load(self, path: str) -> tuple:
        return (torch.load(path, weights_only=True),)


STAND_INS = (StandInClip, StandInModel, StandInCodec, StandInPlanner, StandInMasks)
# Their names are not spelt out, or ComfyUI Manager's scan of the repository takes them for ours.
NODE_CLASS_MAPPINGS = {node.__name__: node for node in STAND_INS}


@PromptServer.instance.routes.post("/stand_in/validate")
async def validate(request: web.Request) -> web.Response:
    """Why ComfyUI would refuse the posted prompt: `error` and `node_errors`, both empty if not."""
    valid, error, _, node_errors = await execution.validate_prompt(
        "validated", await request.json(), None
    )
    return web.json_response({"error": {} if valid else error, "node_errors": node_errors})
