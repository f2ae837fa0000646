"""Miniatures of the families beside FLUX.1 and FLUX.2, built from ComfyUI's own classes.

LongCat and Ovis go through core's detection and loader. Core's detection gives Chroma's modulation
network its real widths whatever the checkpoint says, so a small one is built from its class.
"""

from __future__ import annotations

from collections.abc import Callable

import comfy.ldm.chroma.model
import comfy.ldm.flux.model
import comfy.ops
import comfy.supported_models
import torch
from comfy.model_patcher import ModelPatcher

from instance_edit.tests.with_comfyui import tiny_models
from instance_edit.tools.random_weights import seed_weights

LONGCAT_TEXT = 3584
CPU = torch.device("cpu")


def _flux_like(**changes: object) -> ModelPatcher:
    params = {**tiny_models.FLUX1, "vec_in_dim": None, **changes}
    model = comfy.ldm.flux.model.Flux(
        **params,
        hidden_size=tiny_models.HEAD_DIM,
        num_heads=1,
        depth=2,
        depth_single_blocks=3,
        guidance_embed=False,
        dtype=torch.float32,
        device="cpu",
        operations=comfy.ops.disable_weight_init,
    )
    seed_weights(model, 0)
    return tiny_models.load_model({name: w.contiguous() for name, w in model.state_dict().items()})


def longcat() -> ModelPatcher:
    """LongCat-Image(-Edit): text of width 3584 with positions on two axes."""
    return _flux_like(context_in_dim=LONGCAT_TEXT, txt_ids_dims=[1, 2])


def ovis() -> ModelPatcher:
    """Ovis-Image: gated feed-forward layers, normalised text."""
    return _flux_like(yak_mlp=True, txt_norm=True, txt_ids_dims=[1, 2])


def chroma() -> ModelPatcher:
    """Chroma: a modulation network instead of a pooled vector."""
    unet: dict[str, object] = {
        "image_model": "chroma",
        "in_channels": 64,
        "out_channels": 64,
        "in_dim": 64,
        "out_dim": tiny_models.HEAD_DIM,
        "hidden_dim": 64,
        "n_layers": 1,
        "patch_size": 2,
        "context_in_dim": tiny_models.TEXT_WIDTH,
        "hidden_size": tiny_models.HEAD_DIM,
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
    config = comfy.supported_models.Chroma(dict(unet))
    config.set_inference_dtype(torch.float32, None)
    model = config.get_model({}, "", device=CPU)
    seed_weights(model.diffusion_model, 0)
    return ModelPatcher(model.eval(), load_device=CPU, offload_device=CPU)


FAMILIES: dict[str, tuple[str, Callable[[], ModelPatcher]]] = {
    "flux1": ("FLUX", lambda: tiny_models.load_model(tiny_models.flux1_state_dict())),
    "flux2": ("FLUX", lambda: tiny_models.load_model(tiny_models.flux2_state_dict())),
    "longcat": ("LongCat-Image", longcat),
    "ovis": ("Ovis-Image", ovis),
    "chroma": ("Chroma", chroma),
}
"""Per miniature the name of its family and how to make it."""
EDITING = ("flux1", "flux2", "longcat")
"""Those that look at reference images."""
