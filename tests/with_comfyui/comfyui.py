"""ComfyUI's own parts that the tests build, watch and change: their only door to it beside host/.

`tests/test_walls.py` lets nothing else in tests/ import ComfyUI.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import comfy.controlnet as controlnet
import comfy.hooks as hooks
import comfy.ldm.chroma.model as chroma
import comfy.ldm.flux.controlnet as flux_controlnet
import comfy.ldm.flux.model as flux_model
import comfy.ldm.modules.diffusionmodules.mmdit as mmdit
import comfy.ldm.wan.vae as wan_vae
import comfy.lora as lora
import comfy.model_management as model_management
import comfy.ops as ops
import comfy.sample as sample
import comfy.samplers as samplers
import comfy.sd as sd
import comfy.supported_models_base as supported_models_base
import comfy.taesd.taesd as taesd
import comfy.text_encoders.flux as flux_text
import comfy.text_encoders.longcat_image as longcat_text
import comfy.text_encoders.ovis as ovis_text
import comfy.text_encoders.pixart_t5 as pixart_text
import comfy.text_encoders.qwen_vl as qwen_vision
import folder_paths
import node_helpers
from comfy.ldm.flux.math import apply_rope
from comfy.ldm.modules.attention import (
    attention_basic,
    attention_pytorch,
    attention_split,
    attention_sub_quad,
)
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP
from comfy.sd import CLIP
from comfy_api.internal import make_locked_method_func
from comfy_api.torch_helpers import set_torch_compile_wrapper
from comfy_extras.nodes_torch_compile import skip_torch_compile_dict
from comfyui_version import __version__ as comfyui_version

from instance_edit.host.core_nodes import core_nodes

__all__ = [
    "CLIP",
    "ModelPatcher",
    "WrappersMP",
    "apply_rope",
    "attention_basic",
    "attention_pytorch",
    "attention_split",
    "attention_sub_quad",
    "chroma",
    "comfyui_version",
    "controlnet",
    "flux_controlnet",
    "folder_paths",
    "flux_model",
    "flux_text",
    "hooks",
    "longcat_text",
    "lora",
    "mmdit",
    "make_locked_method_func",
    "model_management",
    "ops",
    "ovis_text",
    "pixart_text",
    "qwen3vl_text",
    "qwen_vision",
    "has_extra",
    "has_models",
    "model_module",
    "text_encoder",
    "wan_vae",
    "sample",
    "samplers",
    "sd",
    "set_torch_compile_wrapper",
    "set_values",
    "skip_torch_compile_dict",
    "supported_models_base",
    "taesd",
]

EXTRAS = (
    *("nodes_bounding_boxes", "nodes_custom_sampler", "nodes_edit_model", "nodes_flux"),
    *("nodes_model_advanced", "nodes_model_merging", "nodes_nag", "nodes_post_processing"),
    *("nodes_textgen", "nodes_torch_compile", "nodes_train"),
    *("nodes_apg", "nodes_cfg", "nodes_context_windows", "nodes_differential_diffusion"),
    *("nodes_easycache", "nodes_hooks", "nodes_mage", "nodes_qwen", "nodes_slg", "nodes_tcfg"),
    "nodes_images",  # last: it imports the server, and 0.18.2's does not import beside the tests
)


set_values = node_helpers.conditioning_set_values


def qwen3vl_text() -> ModuleType | None:
    """Core's Qwen3-VL; a ComfyUI before 0.26.0 has none."""
    name = "comfy.text_encoders.qwen3vl"
    return import_module(name) if find_spec(name) else None


def text_encoder(name: str) -> ModuleType | None:
    """A module of ``comfy.text_encoders``; None where this ComfyUI has none of that name."""
    module = f"comfy.text_encoders.{name}"
    return import_module(module) if find_spec(module) else None


def has_models(package: str) -> bool:
    """True if this ComfyUI has a package of that name in ``comfy.ldm``."""
    return find_spec(f"comfy.ldm.{package}") is not None


def has_extra(module: str) -> bool:
    """True if this ComfyUI has a module of that name in ``comfy_extras``."""
    return find_spec(f"comfy_extras.{module}") is not None


def model_module(name: str) -> ModuleType | None:
    """A module of ``comfy.ldm``; None where this ComfyUI has none of that name."""
    package = name.partition(".")[0]
    return import_module(f"comfy.ldm.{name}") if has_models(package) else None


@cache
def _nodes(module: str | None) -> dict[str, type]:
    """By id, the nodes of core itself or of one of its modules; an older ComfyUI lacks some."""
    if module is None:
        return core_nodes()
    return core_nodes(module) if has_extra(module) else {}


def core_node(name: str) -> type:
    """One of ComfyUI's own nodes; modules that are not needed stay unloaded."""
    for module in (None, *EXTRAS):
        if name in _nodes(module):
            return _nodes(module)[name]
    raise KeyError(f"this ComfyUI has no node {name}")
