"""FLUX's noise levels."""

import math

import torch
from torch import Tensor

SHIFT = math.exp(1.15)


def shifted(steps: int) -> Tensor:
    """(steps + 1,) float64 noise levels falling from 1 to 0, bent by FLUX's default shift."""
    t = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    return SHIFT * t / (1 + (SHIFT - 1) * t)
