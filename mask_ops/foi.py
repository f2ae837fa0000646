"""FoI: masks from the attention to an instruction's keywords (arXiv 2312.10113).

Every step with its source: docs/methods.md#foi.
"""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from .found_masks import FoundMasks, Smoothing, min_max, smooth_maps, threshold_maps

POOLED_SIDE = 16
SMOOTHING = Smoothing(3, 0.5)
"""The paper's, in pooled cells."""
GAMMA = 3
"""How often the map is squared and stretched (Eq. 2)."""


class Focus(NamedTuple):
    """How a map becomes a mask.

    Attributes:
        threshold: tau in (0, 1); the paper takes 0.4 to 0.7.
        gamma: how often the map is squared and stretched; 0 only stretches it.
        smoothing: of the pooled map, in its cells.
    """

    threshold: float = 0.5
    gamma: int = GAMMA
    smoothing: Smoothing = SMOOTHING


def foi_masks(attention: Tensor, how: Focus | None = None) -> FoundMasks:
    """Masks from the attention to keywords: pooled, smoothed, ``gamma`` times min-max(A^2).

    Args:
        attention: (N, h, w) of the picture's tokens to each instruction's keywords, renormalised
            over text keys, the mean over heads and localising blocks.
        how: default: the paper's.

    Returns:
        Maps in [0, 1] and masks on the token grid; a grid larger than about 16 x 16 is pooled to
        that, and each pooled cell speaks for its tokens.

    Raises:
        ValueError: a threshold that is not between 0 and 1, or a negative gamma.
    """
    how = how or Focus()
    if not 0 < how.threshold < 1:
        raise ValueError(f"the threshold must be between 0 and 1, got {how.threshold}. Try 0.5.")
    grid = attention.shape[-2:]
    factor = max(1.0, max(grid) / POOLED_SIDE)
    pooled = (max(1, round(grid[0] / factor)), max(1, round(grid[1] / factor)))
    small = F.adaptive_avg_pool2d(attention.float()[:, None], pooled)[:, 0]
    focused = focus(smooth_maps(small, *how.smoothing), how.gamma)
    maps = F.interpolate(focused[:, None], size=list(grid), mode="nearest-exact")[:, 0]
    return threshold_maps(maps, maps.new_full((len(maps),), how.threshold))


def focus(maps: Tensor, gamma: int = GAMMA) -> Tensor:
    """``A <- min-max(A^2)``, ``gamma`` times: (N, h, w) >= 0 -> [0, 1]; 0 times: ``min-max(A)``.

    After the first time the least value is 0 and the greatest 1, so the others only square: of
    three, ``min-max(A^2)^4``.
    """
    if gamma < 0:
        raise ValueError(f"gamma must be 0 or more, got {gamma}. The paper takes 3.")
    if gamma == 0:
        return min_max(maps)
    return min_max(maps.square()) ** (2 ** (gamma - 1))
