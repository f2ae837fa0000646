"""FoI: masks from the attention to an instruction's keywords (arXiv 2312.10113).

Every step with its source: docs/methods.md#foi.
"""

import torch.nn.functional as F
from torch import Tensor

from .found_masks import FoundMasks, min_max, smooth_maps, threshold_maps

POOLED_SIDE = 16
SMOOTHING = (3, 0.5)
"""Side and sigma of the Gaussian, in pooled cells."""
GAMMA = 3
"""How often the map is squared and stretched (Eq. 2)."""


def foi_masks(attention: Tensor, threshold: float = 0.5) -> FoundMasks:
    """Masks from the attention to keywords: pooled, smoothed, ``gamma`` times min-max(A^2).

    Args:
        attention: (N, h, w) of the picture's tokens to each instruction's keywords, renormalised
            over text keys, the mean over heads and localising blocks.
        threshold: tau in (0, 1); the paper takes 0.4 to 0.7.

    Returns:
        Maps in [0, 1] and masks on the token grid; a grid larger than about 16 x 16 is pooled to
        that, and each pooled cell speaks for its tokens.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"the threshold must be between 0 and 1, got {threshold}. Try 0.5.")
    grid = attention.shape[-2:]
    factor = max(1.0, max(grid) / POOLED_SIDE)
    pooled = (max(1, round(grid[0] / factor)), max(1, round(grid[1] / factor)))
    small = F.adaptive_avg_pool2d(attention.float()[:, None], pooled)[:, 0]
    focused = focus(smooth_maps(small, *SMOOTHING))
    maps = F.interpolate(focused[:, None], size=list(grid), mode="nearest-exact")[:, 0]
    return threshold_maps(maps, maps.new_full((len(maps),), threshold))


def focus(maps: Tensor) -> Tensor:
    """``A <- min-max(A^2)``, three times: (N, h, w) >= 0 -> [0, 1].

    After the first time the least value is 0 and the greatest 1, so the others only square:
    ``min-max(A^2)^4``.
    """
    return min_max(maps.square()) ** (2 ** (GAMMA - 1))
