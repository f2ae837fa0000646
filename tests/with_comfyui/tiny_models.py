"""FLUX checkpoints small enough for a CPU, built from ComfyUI's own classes with seeded weights."""

from __future__ import annotations

import torch

from instance_edit.host import loading
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tools.model_shapes import SHALLOW, Config, Shape, flux1, flux2
from instance_edit.tools.random_weights import seed_weights


def flux1_state_dict(
    shape: Shape = SHALLOW,
    guidance: bool = True,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """A FLUX.1 checkpoint: 16 latent channels in 2 x 2 patches, text width 64, pooled width 64."""
    return seeded_state_dict(flux1(shape, guidance), dtype, seed)


def flux2_state_dict(
    shape: Shape = SHALLOW,
    guidance: bool = False,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """A FLUX.2 checkpoint: 128 latent channels, no patches, text width 3 x 64."""
    return seeded_state_dict(flux2(shape, guidance), dtype, seed)


def seeded_state_dict(config: Config, dtype: torch.dtype, seed: int) -> dict[str, torch.Tensor]:
    """The weights of a model of this configuration, seeded in float32."""
    model = loading.empty_model(config, torch.float32).model.diffusion_model
    seed_weights(model, seed)
    return {name: weight.to(dtype).contiguous() for name, weight in model.state_dict().items()}


def load_model(state_dict: dict[str, torch.Tensor]) -> ModelPatcher:
    """The checkpoint through core's own detection and loader, in the dtype of its weights."""
    return loading.load_model(state_dict, next(iter(state_dict.values())).dtype)
