"""MICE with a plain Gaussian, which reaches into other instances: the paper's ablation (Table 1).

What differs from MICE: docs/methods.md#mice-naive-smoothing.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .bias import AttentionBias
from .damping import naive_damping
from .membership import assign_tokens
from .mice import damped_bias
from .tokens import TokenLayout


def naive_mice_bias(
    layout: TokenLayout,
    masks: Tensor,
    *,
    kernel_size: int = 3,
    temperature: float = 1.0,
    epsilon: float = 1e-30,
    instances_see_global: bool = False,
    strengths: Sequence[float] | None = None,
    **placed: Any,
) -> AttentionBias:
    """``mice_bias``, but the smoothed mask s_n keeps its values on tokens of other instances.

    Args:
        placed: reference_masks, reference_owners, active, last_view: see ``assign_tokens``.
        layout, masks, and all others: see ``mice_bias``.

    Raises:
        ValueError: masks that do not fit the layout, or a parameter out of range.
    """
    members = assign_tokens(layout, masks, **placed)
    field = naive_damping(members, kernel_size, temperature, epsilon)
    return damped_bias(layout, members, field, strengths, instances_see_global)
