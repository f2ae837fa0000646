"""The demo's miniature FLUX as ComfyUI's own MODEL and VAE."""

import comfy.sd
import torch
from comfy.model_patcher import ModelPatcher

from ..demo.weights import load_weights
from .loading import load_model, load_vae


def demo_model(disable_dynamic: bool = False) -> ModelPatcher:
    """The miniature as core loads a checkpoint; core calls this again where it needs a second one
    (torch.compile with dynamic memory, training, several GPUs)."""
    model = load_model(load_weights().model, torch.float32, disable_dynamic)
    model.cached_patcher_init = (demo_model, ())
    return model


def demo_vae() -> comfy.sd.VAE:
    """The miniature's codec, a TAESD in ComfyUI's eyes."""
    return load_vae(load_weights().vae_state())
