"""Attention with an AttentionBias."""

from collections.abc import Callable

import torch
from torch import Tensor

from .bias import AttentionBias

Kernel = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: AttentionBias,
    kernel: Kernel,
    mask: Tensor | None = None,
) -> Tensor:
    """softmax(q k^T / sqrt(d) + bias + mask) v.

    Args:
        q, k, v: (B, H, Lq, D) and (B, H, Z, D); Lq may be shorter than Z (cached references),
            the queries are then the first of the sequence.
        bias: for Z tokens, on the device of q.
        kernel: ``kernel(q, k, v, mask)`` that honours an additive (1, 1, Lq, Z) mask.
        mask: another pack's mask, bool (True = open) or additive, broadcastable to (B, H, Lq, Z).
    """
    tile = bias.tile(slice(0, q.shape[2])).to(q.dtype)[None, None]
    return kernel(q, k, v, tile if mask is None else tile + additive_mask(mask, q.dtype))


def additive_mask(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask as additive and four-dimensional: True and 0 open, False and -inf shut."""
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, float("-inf"))
    while mask.ndim < 4:
        mask = mask[None] if mask.ndim == 2 else mask[:, None]
    return mask.to(dtype)
