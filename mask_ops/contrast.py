"""Velocity contrast: where an instruction changes the model's prediction.

DiffEdit's idea (arXiv 2210.11427) carried over to flow matching: |v(I, T_n) - v(I, empty)|;
see docs/methods.md#velocity-contrast.
"""

import torch
from torch import Tensor

from .found_masks import FoundMasks, gather_tokens, smooth_maps, threshold_maps
from .otsu import otsu_threshold


def velocity_contrast(instructed: Tensor, plain: Tensor) -> Tensor:
    """How much each instruction changes one prediction: mean of |difference| over the channels.

    Args:
        instructed: (N, B, C, .., H, W) predictions, one per instruction.
        plain: (B, C, .., H, W) the prediction with an empty instruction.

    Returns:
        (N, H, W) float32, the mean over the batch.
    """
    return (instructed.float() - plain.float()).abs().flatten(1, -3).mean(1)


def contrast_masks(maps: Tensor, patch: int, size: int = 3, sigma: float = 1.0) -> FoundMasks:
    """Masks from velocity contrast: token means, Gaussian, Otsu's threshold.

    Args:
        maps: (N, H, W) from ``velocity_contrast``, on the latent.
        patch: latent pixels per token side.
        size, sigma: of the Gaussian, in tokens.
    """
    smooth = smooth_maps(gather_tokens(maps, patch), size, sigma)
    thresholds = torch.stack([otsu_threshold(one.flatten()) for one in smooth])
    return threshold_maps(smooth, thresholds)
