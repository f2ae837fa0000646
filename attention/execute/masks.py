"""Other packs' attention masks in one form."""

import math

import torch
from torch import Tensor


def additive_mask(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask as additive and four-dimensional: True and 0 open, False and -inf shut.

    Args:
        mask: bool or additive, (Lq, Z), (B, Lq, Z) or (B, H, Lq, Z), or broadcastable to those.
        dtype: a float type.

    Returns:
        (B or 1, H or 1, Lq or 1, Z or 1).

    Raises:
        ValueError: another number of dimensions.
    """
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, -math.inf)
    mask = mask.to(dtype)
    if mask.ndim == 2:
        return mask[None, None]
    if mask.ndim == 3:
        return mask[:, None]
    if mask.ndim == 4:
        return mask
    raise ValueError(
        "an attention mask must be (queries, keys), (batch, queries, keys) or (batch, heads, "
        f"queries, keys), got {tuple(mask.shape)}. Another pack gave it: remove that node."
    )
