"""Masks found by a model: the raw map of each instance, its threshold and the mask they give."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .smoothing import gaussian_kernel


class Smoothing(NamedTuple):
    """The Gaussian that smooths a map.

    Attributes:
        size: odd side in cells of the map; 1 is neutral.
        sigma: in cells.
    """

    size: int
    sigma: float


class FoundMasks(NamedTuple):
    """What a locator found on the token grid.

    Attributes:
        maps: (N, h, w) float32, higher is more likely inside.
        thresholds: (N,) float32.
        masks: (N, h, w) bool, ``maps > thresholds``.
    """

    maps: Tensor
    thresholds: Tensor
    masks: Tensor


def threshold_maps(maps: Tensor, thresholds: Tensor) -> FoundMasks:
    """(N, h, w) maps and (N,) thresholds -> masks."""
    return FoundMasks(maps, thresholds, maps > thresholds[:, None, None])


def smooth_maps(maps: Tensor, size: int, sigma: float) -> Tensor:
    """Each map convolved with a Gaussian; the border repeats, so an object there stays strong.

    Args:
        maps: (N, h, w) float.
        size: odd side of the Gaussian in tokens; 1 is neutral.
        sigma: in tokens.

    Returns:
        (N, h, w) float32.
    """
    kernel = gaussian_kernel(size, sigma).to(maps.device)[None, None]
    padded = F.pad(maps.float()[:, None], [size // 2] * 4, mode="replicate")
    return F.conv2d(padded, kernel)[:, 0]


def min_max(maps: Tensor) -> Tensor:
    """Each (h, w) map stretched to [0, 1]; a constant map becomes 0."""
    low = maps.amin((-2, -1), keepdim=True)
    span = maps.amax((-2, -1), keepdim=True) - low
    return (maps - low) / span.masked_fill(span == 0, 1.0)


def spread_tokens(masks: Tensor, patch: int, size: tuple[int, int]) -> Tensor:
    """Token masks at the resolution of the latent: each token is ``patch`` x ``patch`` of it.

    Args:
        masks: (N, h, w).
        size: (H, W) of the latent; what a padded last token has beyond it is cut off.

    Returns:
        (N, H, W).
    """
    fine = masks.repeat_interleave(patch, dim=1).repeat_interleave(patch, dim=2)
    return fine[:, : size[0], : size[1]]


def gather_tokens(maps: Tensor, patch: int) -> Tensor:
    """(N, H, W) maps of the latent -> (N, h, w) means over tokens; a cut token has fewer values."""
    edge = [(-side) % patch for side in (maps.shape[2], maps.shape[1])]
    padding = (0, edge[0], 0, edge[1])
    total = F.avg_pool2d(F.pad(maps.float()[:, None], padding), patch)
    share = F.avg_pool2d(F.pad(torch.ones_like(maps[:, None], dtype=torch.float32), padding), patch)
    return (total / share)[:, 0]


def check_found(masks: Tensor, instructions: Sequence[str]) -> None:
    """Refuse empty masks: an instance without a token cannot be edited.

    Raises:
        ValueError: naming the instructions that found nothing.
    """
    empty = [
        f"{n + 1} ({text!r})"
        for n, (text, mask) in enumerate(zip(instructions, masks, strict=True))
        if not bool(mask.any())
    ]
    if empty:
        raise ValueError(
            f"nothing was found for instruction {', '.join(empty)}: its map is the same "
            "everywhere. Name the object more exactly, read other blocks or a later step, or draw "
            "its region."
        )
