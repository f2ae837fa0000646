"""How strongly MICE damps what an instance does not own: the logarithm of its smoothed mask."""

import math

import torch
from torch import Tensor

from ..mask_ops.smoothing import smooth_masks
from .assemble import SHUT
from .membership import Membership


def damping(members: Membership, kernel_size: int, temperature: float, epsilon: float) -> Tensor:
    """log(s_n + epsilon) / temperature of the smoothed masks; 0 or -inf on owned references.

    s_n is the mask of instance n smoothed by a Gaussian, and 0 on tokens of another instance that
    are not in the mask.

    Returns:
        (N, I) float32 over all image tokens, those of the mask included.

    Raises:
        ValueError: ``temperature`` or ``epsilon`` is not finite and > 0, or an even kernel.
    """
    field = _smoothed(members, kernel_size).masked_fill(foreign_tokens(members), 0.0)
    return _logarithm(members, field, temperature, epsilon)


def naive_damping(
    members: Membership, kernel_size: int, temperature: float, epsilon: float
) -> Tensor:
    """As ``damping``, but s_n reaches into other instances too, as a plain Gaussian does."""
    return _logarithm(members, _smoothed(members, kernel_size), temperature, epsilon)


def _smoothed(members: Membership, kernel_size: int) -> Tensor:
    """(N, I): the masks of every image, each convolved with the Gaussian."""
    smooth = [smooth_masks(grid, kernel_size).flatten(1) for grid in members.grids]
    return torch.cat(smooth, dim=1)


def _logarithm(members: Membership, field: Tensor, temperature: float, epsilon: float) -> Tensor:
    _check_positive(temperature=temperature, epsilon=epsilon)
    logs = torch.log(field + epsilon) / temperature
    return torch.where(members.scene, logs, torch.where(members.inside, 0.0, SHUT))


def foreign_tokens(members: Membership) -> Tensor:
    """(N, I) bool: tokens of another instance that are not in m_n."""
    return members.inside.any(0) & ~members.inside


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be finite and > 0, got {value}.")
