"""MICE as its authors' released code computes it, which differs from their paper.

Every case, and what differs: docs/methods.md#mice-released-code.
"""

from collections.abc import Sequence

from torch import Tensor

from .assemble import (
    SHUT,
    RowTable,
    assemble_bias,
    inside_rows,
    key_rows,
    open_rows,
    prompt_columns,
    see_global,
)
from .bias import AttentionBias
from .damping import damping, foreign_tokens
from .membership import assign_tokens
from .tokens import TokenLayout


def released_mice_bias(
    layout: TokenLayout,
    masks: Tensor,
    *,
    kernel_size: int = 11,
    temperature: float = 3.0,
    epsilon: float = 1e-6,
    smooth_P_L: bool = False,
    free_context: bool = False,
    reference_masks: Sequence[Tensor] | None = None,
    reference_owners: Sequence[int | None] | None = None,
    strengths: Sequence[float] | None = None,
    active: Sequence[bool] | None = None,
    last_view: bool = False,
) -> AttentionBias:
    """The released code's bias, the same for all blocks and steps.

    S_n(p) is log(s_n(p) + epsilon) / temperature, with s_n the mask of instance n smoothed by a
    Gaussian; B_n is S_n, but 0 in the mask. On tokens of other instances both are -inf, where the
    paper damps. What a query sees, and with which bias (what is not named is shut):

    ==================  ====  ===================  ==================================
    query               T_g   instances' prompts   L and C
    ==================  ====  ===================  ==================================
    T_g                 0                          0
    T_n                       T_n: 0               L_n: 0 (or L: S_n(key)), C_n: 0
    L_n                       T_n: 0               B_n(key)
    L of no instance    0                          0
    C_n                 0     T_n: 0               B_n(key) (or 0)
    C of no instance    0                          0
    ==================  ====  ===================  ==================================

    In brackets: T_n with ``smooth_P_L``, which also lets every L see every T_m by S_m(query), and
    C_n with ``free_context``. A token in several instances gets, per key, the largest of their
    biases. Owned references are seen by their owner alone (see ``assign_tokens``).

    Args:
        layout: the joint sequence.
        masks: (N, h, w) bool on the latent grid.
        kernel_size: odd side of the Gaussian in tokens.
        temperature: tau > 0, higher is softer.
        epsilon: floor of the smoothed mask, > 0.
        smooth_P_L: prompts and latents see each other smoothly, also inside the mask.
        free_context: references see all image tokens.
        reference_masks, reference_owners, active, last_view: see ``assign_tokens``.
        strengths: per instance >= 0, multiplies the attention of L_n and C_n to T_n; default 1.

    Raises:
        ValueError: masks that do not fit the layout, or a parameter out of range.
    """
    placed = (reference_masks, reference_owners, active, last_view)
    members = assign_tokens(layout, masks, *placed)
    field = damping(members, kernel_size, temperature, epsilon)
    field = field.masked_fill(foreign_tokens(members), SHUT)  # S_n
    damped = key_rows(field.masked_fill(members.inside, 0.0), SHUT)  # B_n
    prompts, seen_from = inside_rows(members), None
    if smooth_P_L:
        seen_from = field[:, : layout.latent_tokens]
        prompts[:, 2 : 2 + layout.latent_tokens] = seen_from
    context = open_rows(members) if free_context else see_global(damped)
    rows = {"damped": damped, "prompts": prompts, "context": context}
    columns = prompt_columns(layout, members, strengths, seen_from)
    table = RowTable(rows, text="prompts", latent="damped", context="context")
    return assemble_bias(layout, members, columns, table)
