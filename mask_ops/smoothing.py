"""Gaussian smoothing of masks on the token grid (docs/methods.md#mice)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def gaussian_kernel(size: int, sigma: float | None = None) -> Tensor:
    """Normalised (size, size) float32 Gaussian.

    Args:
        size: odd, >= 1.
        sigma: in tokens; default OpenCV's rule 0.3 ((size - 1) / 2 - 1) + 0.8.
    """
    if size < 1 or size % 2 == 0:
        odd = max(1, size + 1)
        raise ValueError(f"the Gaussian's size must be odd and >= 1, got {size}. Take {odd}.")
    sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8 if sigma is None else sigma
    if sigma <= 0:
        raise ValueError(f"the Gaussian's sigma must be > 0 tokens, got {sigma}.")
    x = torch.arange(size, dtype=torch.float64, device="cpu") - (size - 1) / 2
    line = torch.exp(-(x**2) / (2 * sigma**2))
    line = line / line.sum()
    return torch.outer(line, line).float()


def smooth_masks(masks: Tensor, size: int, sigma: float | None = None) -> Tensor:
    """Each mask convolved with a Gaussian, zero padding: (N, h, w) -> float32 in [0, 1]."""
    kernel = gaussian_kernel(size, sigma).to(masks.device)[None, None]
    return F.conv2d(masks.float()[:, None], kernel, padding=size // 2)[:, 0].clamp(0, 1)
