"""One call of a model as a sampler makes it, without a sampler around it."""

from collections.abc import Callable
from typing import Any

import comfy.patcher_extension
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor


def model_call(
    model: ModelPatcher, conditioning: list[list[Any]], x: Tensor, sigma: float = 1.0
) -> Callable[[], Tensor]:
    """A function that predicts the clean latent once, with every patch of the model.

    Args:
        model: on its device already.
        conditioning: a CONDITIONING of one part; ``guidance``, ``reference_latents``,
            ``pooled_output`` and the like in its extras count.
        x: (B, C, H, W) the noisy latent.
        sigma: its noise level.
    """
    [[text, extras]] = conditioning
    conds = model.model.extra_conds(
        **{**extras, "cross_attn": text, "noise": x, "device": x.device}
    ) | extras.get("model_conds", {})
    inputs = {
        name: cond.process_cond(batch_size=len(x), area=None).concat([])
        for name, cond in conds.items()
    }
    options: dict[str, Any] = comfy.patcher_extension.merge_nested_dicts(
        model.model_options["transformer_options"], {"wrappers": model.wrappers}
    )
    level = torch.full((len(x),), sigma, device=x.device)

    @torch.inference_mode()
    def call() -> Tensor:
        return model.model.apply_model(x, level, transformer_options=dict(options), **inputs)

    return call
