"""IID's phase A: how long the branches run, and one latent of them all (arXiv 2504.04784).

What is the paper's and what is ours: docs/methods.md#iid.
"""

import torch
from torch import Tensor

SHARE = 0.3
"""Of the steps: how long phase A runs."""


def default_steps(total: int) -> int:
    """S, how many steps phase A takes: ``SHARE`` of them (28 -> 8, 4 -> 1), at least one."""
    return max(1, round(SHARE * total))


def compose_branches(latents: Tensor, masks: Tensor) -> Tensor:
    """One latent of N branches: each in its mask, the mean where masks overlap or none is.

    Args:
        latents: (B, N, C, .., H, W).
        masks: (N, H, W) bool, on the latent.

    Returns:
        (B, C, .., H, W).
    """
    claimed = masks.any(0)
    share = torch.where(claimed, masks, torch.ones_like(masks)).to(latents.dtype)
    share = share / share.sum(0)
    count, *size = share.shape
    return (latents * share.view(1, count, *[1] * (latents.ndim - 4), *size)).sum(1)
