"""MICE with the paper's setting for dense scenes."""

from typing import Any

from torch import Tensor

from .bias import AttentionBias
from .mice import mice_bias
from .tokens import TokenLayout


def dense_mice_bias(
    layout: TokenLayout,
    masks: Tensor,
    *,
    kernel_size: int = 3,
    temperature: float = 8.0,
    epsilon: float = 1e-30,
    instances_see_global: bool = False,
    **placed: Any,
) -> AttentionBias:
    """``mice_bias`` with tau = 8 unless told otherwise; arguments as there."""
    return mice_bias(
        layout,
        masks,
        kernel_size=kernel_size,
        temperature=temperature,
        epsilon=epsilon,
        instances_see_global=instances_see_global,
        **placed,
    )
