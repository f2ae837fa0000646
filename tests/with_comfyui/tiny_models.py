"""FLUX checkpoints small enough for a CPU, built from ComfyUI's own classes with seeded weights."""

from __future__ import annotations

from dataclasses import dataclass

import comfy.ldm.flux.model
import comfy.ops
import comfy.sd
import torch
from comfy.model_patcher import ModelPatcher

from instance_edit.tools.random_weights import seed_weights

HEAD_DIM = 128
POOLED_WIDTH = 64
TEXT_WIDTH = 64


@dataclass(frozen=True)
class Shape:
    """How large a miniature is: `hidden` is 128 per head."""

    hidden: int = 256
    double: int = 1
    single: int = 2


SHALLOW = Shape(hidden=256, double=1, single=2)
DEEP = Shape(hidden=128, double=3, single=6)

FLUX1 = {
    "in_channels": 16,
    "out_channels": 16,
    "patch_size": 2,
    "vec_in_dim": POOLED_WIDTH,
    "context_in_dim": TEXT_WIDTH,
    "mlp_ratio": 4.0,
    "axes_dim": [16, 56, 56],
    "theta": 10000,
    "qkv_bias": True,
    "txt_ids_dims": [],
}
_FLUX2 = {
    "in_channels": 128,
    "out_channels": 128,
    "patch_size": 1,
    "vec_in_dim": None,
    "context_in_dim": 3 * TEXT_WIDTH,
    "mlp_ratio": 3.0,
    "axes_dim": [32, 32, 32, 32],
    "theta": 2000,
    "qkv_bias": False,
    "txt_ids_dims": [3],
    "global_modulation": True,
    "mlp_silu_act": True,
    "ops_bias": False,
    "default_ref_method": "index",
    "ref_index_scale": 10.0,
}


def _state_dict(
    params: dict[str, object], shape: Shape, guidance: bool, dtype: torch.dtype, seed: int
) -> dict[str, torch.Tensor]:
    model = comfy.ldm.flux.model.Flux(
        **params,
        hidden_size=shape.hidden,
        num_heads=shape.hidden // HEAD_DIM,
        depth=shape.double,
        depth_single_blocks=shape.single,
        guidance_embed=guidance,
        dtype=torch.float32,
        device="cpu",
        operations=comfy.ops.disable_weight_init,
    )
    seed_weights(model, seed)
    return {name: weight.to(dtype).contiguous() for name, weight in model.state_dict().items()}


def flux1_state_dict(
    shape: Shape = SHALLOW,
    guidance: bool = True,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """A FLUX.1 checkpoint: 16 latent channels in 2 x 2 patches, text width 64, pooled width 64."""
    return _state_dict(FLUX1, shape, guidance, dtype, seed)


def flux2_state_dict(
    shape: Shape = SHALLOW,
    guidance: bool = False,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """A FLUX.2 checkpoint: 128 latent channels, no patches, text width 3 x 64."""
    return _state_dict(_FLUX2, shape, guidance, dtype, seed)


def load_model(state_dict: dict[str, torch.Tensor]) -> ModelPatcher:
    """The checkpoint through core's own detection and loader, in the dtype of its weights."""
    dtype = next(iter(state_dict.values())).dtype
    model = comfy.sd.load_diffusion_model_state_dict(
        dict(state_dict), model_options={"dtype": dtype}
    )
    assert model is not None, "ComfyUI did not recognise the miniature checkpoint"
    return model
