"""Models and codecs as ComfyUI itself detects and builds them."""

from collections.abc import Mapping
from typing import Any

import comfy.model_detection
import comfy.ops
import comfy.sd
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor


def load_model(
    state: Mapping[str, Tensor], dtype: torch.dtype, disable_dynamic: bool = False
) -> ModelPatcher:
    """A diffusion model from its weights, computing in ``dtype``.

    Raises:
        ValueError: weights of no model that this ComfyUI knows.
    """
    model: ModelPatcher | None = comfy.sd.load_diffusion_model_state_dict(
        dict(state), model_options={"dtype": dtype}, disable_dynamic=disable_dynamic
    )
    if model is None:
        raise ValueError("ComfyUI recognises no diffusion model in these weights. Update ComfyUI.")
    return model


def load_vae(state: Mapping[str, Tensor]) -> comfy.sd.VAE:
    """A VAE from its weights; core raises if they are of no VAE that it knows."""
    vae = comfy.sd.VAE(sd=dict(state))
    vae.throw_exception_if_invalid()
    return vae


def empty_vae(config: Mapping[str, Any]) -> comfy.sd.VAE:
    """An AutoencoderKL whose weights nobody has filled in yet.

    Args:
        config: arguments of core's class; ``model_shapes.autoencoder`` makes them.
    """
    vae: Any = comfy.sd.VAE(sd={}, config={"params": dict(config)})
    channels, packed = config["embed_dim"], "batch_norm_latent" in config["ddconfig"]
    vae.latent_channels = 4 * channels if packed else channels
    if packed:  # 2 x 2 cells in the channels of one, as core says where it knows the weights
        vae.upscale_ratio *= 2
        vae.downscale_ratio *= 2
    return vae


def empty_model(
    config: Mapping[str, Any], dtype: torch.dtype, device: torch.device | str = "cpu"
) -> ModelPatcher:
    """A diffusion model whose weights nobody has filled in yet.

    Args:
        config: what core's detection finds of a checkpoint, ``image_model`` among it.

    Raises:
        ValueError: a configuration of no model that this ComfyUI knows.
    """
    found = comfy.model_detection.model_config_from_unet_config(dict(config))
    if found is None:
        raise ValueError(f"ComfyUI knows no model of this configuration: {dict(config)}.")
    found.set_inference_dtype(dtype, None)
    found.custom_operations = comfy.ops.disable_weight_init
    model = found.get_model({}, device=device)
    return ModelPatcher(model, load_device=torch.device(device), offload_device=device)
