"""Miniatures of the families beside FLUX.1 and FLUX.2, built from ComfyUI's own classes.

LongCat and Ovis go through core's detection and loader. Core's detection gives Chroma's modulation
network its real widths whatever the checkpoint says, so a small one is built as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any

import torch

from instance_edit.host.loading import empty_model
from instance_edit.tests.with_comfyui import tiny_models
from instance_edit.tests.with_comfyui.comfyui import (
    ModelPatcher,
    has_extra,
    has_models,
    model_module,
    ops,
)
from instance_edit.tests.with_comfyui.core import CONTEXT
from instance_edit.tools.family_shapes import MODULES, SHAPES
from instance_edit.tools.model_shapes import HEAD_WIDTH, TEXT_WIDTH, Shape, flux1
from instance_edit.tools.random_weights import seed_weights

LONGCAT_TEXT = 3584


def _flux_like(**changes: Any) -> ModelPatcher:
    shape = Shape(hidden=HEAD_WIDTH, double=2, single=3)
    config = {**flux1(shape, guidance=False), "vec_in_dim": None, **changes}
    return tiny_models.load_model(tiny_models.seeded_state_dict(config, torch.float32, seed=0))


def longcat() -> ModelPatcher:
    """LongCat-Image(-Edit): text of width 3584 with positions on two axes."""
    return _flux_like(context_in_dim=LONGCAT_TEXT, txt_ids_dims=[1, 2])


def ovis() -> ModelPatcher:
    """Ovis-Image: gated feed-forward layers, normalised text."""
    return _flux_like(yak_mlp=True, txt_norm=True, txt_ids_dims=[1, 2])


def chroma() -> ModelPatcher:
    """Chroma: a modulation network instead of a pooled vector."""
    config: dict[str, Any] = {
        "image_model": "chroma",
        "in_channels": 64,
        "out_channels": 64,
        "in_dim": 64,
        "out_dim": HEAD_WIDTH,
        "hidden_dim": 64,
        "n_layers": 1,
        "patch_size": 2,
        "context_in_dim": TEXT_WIDTH,
        "hidden_size": HEAD_WIDTH,
        "mlp_ratio": 4.0,
        "num_heads": 1,
        "depth": 2,
        "depth_single_blocks": 3,
        "axes_dim": [16, 56, 56],
        "theta": 10000,
        "qkv_bias": True,
        "vec_in_dim": None,
        "txt_ids_dims": [],
    }
    model = empty_model(config, torch.float32)
    seed_weights(model.model.diffusion_model, 0)
    return model


GAIN = 3.0
OUTPUTS = (
    ".to_out",
    "to_add_out",
    "img_out.",
    "instruct_out.",
    "attention.out",
    "attn_proj",
    ".wo.",
    "_attn.o.",
    "output_proj.",
)
"""Parts of the names of attention's output projections."""


def by_shape(name: str) -> ModelPatcher:
    """A miniature of ``family_shapes``; its attention is louder, so that text moves the image."""
    model = empty_model(SHAPES[name], torch.float32)
    diffusion = model.model.diffusion_model
    if name == "anima":  # core's model gives its adapter the real widths
        adapter = type(diffusion.llm_adapter)
        narrow = dict.fromkeys(("source_dim", "target_dim", "model_dim"), TEXT_WIDTH)
        operations = ops.disable_weight_init
        made = adapter(**narrow, num_layers=2, num_heads=2, operations=operations)
        diffusion.llm_adapter = made
    seed_weights(diffusion, 0)
    with torch.no_grad():
        for part, weight in diffusion.named_parameters():
            if weight.ndim == 2 and any(output in part for output in OUTPUTS):
                weight.mul_(GAIN)
    return model


FAMILY_NAMES = {
    "qwen": "Qwen-Image",
    "qwen2511": "Qwen-Image",
    "qwenlayered": "Qwen-Image",
    "mageflow": "MageFlow",
    "krea2": "Krea 2",
    "lumina2": "Lumina 2, Z-Image",
    "zimage": "Lumina 2, Z-Image",
    "zimageomni": "Lumina 2, Z-Image",
    "omnigen2": "OmniGen2",
    "boogu": "Boogu",
    "joyimage": "JoyImage",
    "wan": "Wan",
    "anima": "Anima",
}
FAMILIES: dict[str, tuple[str, Callable[[], ModelPatcher]]] = {
    "flux1": ("FLUX", lambda: tiny_models.load_model(tiny_models.flux1_state_dict())),
    "flux2": ("FLUX", lambda: tiny_models.load_model(tiny_models.flux2_state_dict())),
    "longcat": ("LongCat-Image", longcat),
    "ovis": ("Ovis-Image", ovis),
    "chroma": ("Chroma", chroma),
    **{
        name: (FAMILY_NAMES[name], partial(by_shape, name))
        for name in SHAPES
        if has_models(MODULES[name])
    },
}
"""Per miniature the name of its family and how to make it; an older ComfyUI lacks some."""


def looks_at_references(name: str) -> bool:
    """False where an older ComfyUI's model of that name knows none yet."""
    if name == "krea2":
        krea2 = model_module("krea2.model")
        made = signature(krea2.SingleStreamDiT.__init__) if krea2 else None
        return made is not None and "default_ref_method" in made.parameters
    return name != "wan" or has_extra("nodes_bernini")


EDITORS = (
    *("flux1", "flux2", "longcat", "qwen", "qwen2511", "qwenlayered", "mageflow", "krea2"),
    *("zimage", "zimageomni", "omnigen2", "boogu", "joyimage", "wan"),
)
EDITING = tuple(name for name in EDITORS if looks_at_references(name))
"""Those that look at reference images; Wan as Bernini-R."""
METHODS = {"krea2": "index", "wan": CONTEXT}
"""How references are looked at, where that must be said."""
