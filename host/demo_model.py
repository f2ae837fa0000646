"""The demo's miniature FLUX as ComfyUI's own MODEL and VAE."""

import logging
from typing import Any

import comfy.sd
import torch
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP
from comfy.taesd.taesd import Block
from torch import Tensor, nn

from ..demo.scenes import CANVAS, LARGEST
from ..demo.weights import DemoWeights, load_weights
from .loading import load_model, load_vae

LATENT_CELL = 8
log = logging.getLogger("instance_edit")


def demo_model(disable_dynamic: bool = False) -> ModelPatcher:
    """The miniature as core loads a checkpoint; core calls this again where it needs a second one
    (torch.compile with dynamic memory, training, several GPUs)."""
    model = load_model(load_weights().model, torch.float32, disable_dynamic)
    model.cached_patcher_init = (demo_model, ())
    model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, "instance_edit_demo", warned_sampling)
    return model


def warned_sampling(executor: Any, noise: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A run of the miniature, and a warning where the picture is larger than it knows."""
    height, width = (side * LATENT_CELL for side in noise.shape[-2:])
    if max(height, width) > LARGEST:
        log.warning(
            "the demo model was trained on pictures of up to %d x %d pixels and makes little of "
            "%d x %d: use Demo Scene with side %d, or a real FLUX.",
            LARGEST, LARGEST, width, height, CANVAS,
        )  # fmt: skip
    return executor(noise, *args, **kwargs)


def demo_vae() -> comfy.sd.VAE:
    """The miniature's codec, a TAESD in ComfyUI's eyes."""
    return miniature_vae(load_weights())


def miniature_vae(weights: DemoWeights) -> comfy.sd.VAE:
    """A miniature's codec, without the convolutions that are all zeros: the same bits, with a
    third of the work decoded and a twelfth encoded."""
    vae: Any = load_vae(weights.vae_state())
    for part in vae.first_stage_model.children():
        for name, block in part.named_children():
            if isinstance(block, Block) and not any(one.any() for one in block.conv.parameters()):
                setattr(part, name, nn.ReLU())  # that is what such a block computes
    return vae
