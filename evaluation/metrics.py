"""Metrics of an edit: what the instances became, and what happened to everything else.

Images are (B, 3, H, W) float in [0, 1]; every result has one value per image, NaN where the
metric has nothing to look at.
"""

from __future__ import annotations

import kornia
import torch
from torch import Tensor
from torch.nn import functional

CHANGE_THRESHOLD = 10.0
SSIM_WINDOW = 11


def change_rate(
    source: Tensor, result: Tensor, masks: Tensor, threshold: float = CHANGE_THRESHOLD
) -> Tensor:
    """AR: (B,) share of instances whose mean absolute change exceeds a threshold; NaN if some is.

    The papers publish no threshold: state it with every figure.

    Args:
        masks: (B, N, H, W) bool, the pixels of each instance.
        threshold: on the scale 0-255.
    """
    changes, present = mean_changes(source, result, masks), masks.flatten(2).any(2)
    rate = share_of(changes > threshold, present)
    return rate.masked_fill((changes.isnan() & present).any(1), torch.nan)


def mean_changes(source: Tensor, result: Tensor, masks: Tensor) -> Tensor:
    """(B, N) mean absolute change of each instance on the scale 0-255; NaN for an empty mask."""
    change = _change(source, result)[:, None]
    return torch.where(masks, change, 0.0).sum((2, 3)) / masks.sum((2, 3))


def mae_background(source: Tensor, result: Tensor, background: Tensor) -> Tensor:
    """MAE_B: (B,) mean absolute error on the scale 0-255 over the background.

    Args:
        background: (B, H, W) bool, e.g. from ``outside``.
    """
    total = torch.where(background, _change(source, result), 0.0).sum((1, 2))
    return total / background.sum((1, 2))


def ssim_background(source: Tensor, result: Tensor, background: Tensor) -> Tensor:
    """SSIM_B: (B,) mean structural similarity (window 11, sigma 1.5) over the background.

    What lies outside the background is taken from the source first, so that an edit is not
    counted through windows that reach into it.
    """
    kept = torch.where(background[:, None], result, source)
    similarity = kornia.metrics.ssim(source, kept, SSIM_WINDOW).mean(1)
    return (similarity * background).sum((1, 2)) / background.sum((1, 2))


def outside(masks: Tensor, margin: int = 0) -> Tensor:
    """The background: (B, H, W) bool, farther than ``margin`` pixels from every mask.

    Args:
        masks: (B, N, H, W) bool.
        margin: in pixels, along both axes.
    """
    return ~grow_masks(masks.any(1, keepdim=True), margin)[:, 0]


def grow_masks(masks: Tensor, margin: int) -> Tensor:
    """(B, N, H, W) bool masks grown by ``margin`` pixels along both axes."""
    if margin == 0:
        return masks
    return functional.max_pool2d(masks.float(), 2 * margin + 1, 1, margin) > 0


def share_of(hits: Tensor, among: Tensor) -> Tensor:
    """(B,) share of ``among`` that are hits, both (B, N) bool; NaN for an empty set."""
    return (hits & among).sum(1) / among.sum(1)


def _change(source: Tensor, result: Tensor) -> Tensor:
    """(B, H, W) mean absolute difference over the channels, 0-255."""
    return (source - result).abs().mean(1) * 255
