"""Seeded weights for models that nobody trained, well-scaled enough to compute with."""

from __future__ import annotations

import math
import re

import torch

_ATTENTION_OUTPUT = re.compile(r"_attn\.proj\.|\.linear2\.")


@torch.no_grad()
def seed_weights(module: torch.nn.Module, seed: int) -> None:
    """Fill every parameter in place: matrices keep a signal's scale, norms are 1, biases small.

    FLUX's attention output is larger, so that the text moves the image.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, weight in module.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if weight.ndim == 1:
            is_norm = "norm" in name and not name.endswith("bias")
            weight.copy_(torch.ones_like(noise) if is_norm else 0.02 * noise)
        elif isinstance(module.get_submodule(name.rpartition(".")[0]), torch.nn.Embedding):
            weight.copy_(noise)
        elif weight.ndim > 1:
            gain = 4.0 if _ATTENTION_OUTPUT.search(name) else 1.0
            weight.copy_(gain * noise / math.sqrt(weight.shape[1:].numel()))
