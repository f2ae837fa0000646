"""Start noise in which some places have noise of their own."""

from collections.abc import Sequence

import torch
from torch import Tensor


def place_noise(noise: Tensor, own: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The noise of one picture with others in their places; where two claim one, the first has it.

    Args:
        noise: (C, H, W).
        own: (H, W) bool where, and (C, H, W) which noise.

    Returns:
        (C, H, W), with no value that is neither the picture's nor a place's own.
    """
    free = torch.ones(noise.shape[-2:], dtype=torch.bool, device=noise.device)
    for cells, other in own:
        cells, other = cells.to(noise.device), other.to(noise)
        noise = torch.where(cells & free, other, noise)
        free &= ~cells
    return noise
