"""IID: instances found by the attention to their instructions (arXiv 2504.04784).

Every step with its source: docs/methods.md#iid.
"""

import torch
from torch import Tensor

from .found_masks import FoundMasks, Smoothing, smooth_maps, threshold_maps
from .otsu import otsu_threshold

SMOOTHING = Smoothing(3, 1.0)
"""Ours; the paper names a Gaussian without its numbers."""


def iid_maps(attention: Tensor) -> Tensor:
    """How much more each branch attends to its instruction than the other branches to theirs.

    Args:
        attention: (N, H, h, w) of each branch's latents to its own instruction, post-softmax, the
            mean over the instruction's tokens.

    Returns:
        (N, h, w) float32: ``max(0, A_i - mean over k != i of A_k)`` per head, then the mean over
        heads. One branch alone keeps its attention.
    """
    branches = attention.shape[0]
    own = attention.float()
    if branches > 1:
        others = (own.sum(0, keepdim=True) - own) / (branches - 1)
        own = (own - others).clamp(min=0)
    return own.mean(1)


def iid_masks(attention: Tensor, smoothing: Smoothing = SMOOTHING) -> FoundMasks:
    """Masks from the attention at step S: maps, Gaussian, Otsu's threshold.

    Args:
        attention: see ``iid_maps``.
        smoothing: of the maps, in tokens.
    """
    maps = smooth_maps(iid_maps(attention), *smoothing)
    thresholds = torch.stack([otsu_threshold(one.flatten()) for one in maps])
    return threshold_maps(maps, thresholds)
