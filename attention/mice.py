"""MICE: a smooth disentangled bias (*Editing Everything Everywhere All at Once*, 2026).

Every case with its source: docs/methods.md#mice.
"""

from collections.abc import Sequence

from torch import Tensor

from .assemble import SHUT, RowTable, assemble_bias, key_rows, open_rows, prompt_columns, see_global
from .bias import AttentionBias
from .damping import damping
from .membership import Membership, assign_tokens
from .tokens import TokenLayout


def mice_bias(
    layout: TokenLayout,
    masks: Tensor,
    *,
    kernel_size: int = 3,
    temperature: float = 1.0,
    epsilon: float = 1e-30,
    instances_see_global: bool = False,
    reference_masks: Sequence[Tensor] | None = None,
    reference_owners: Sequence[int | None] | None = None,
    strengths: Sequence[float] | None = None,
    active: Sequence[bool] | None = None,
    last_view: bool = False,
) -> AttentionBias:
    """MICE's bias as the paper defines it, the same for all blocks and steps.

    B_n(p) is 0 in the mask of instance n, else log(s_n(p) + epsilon) / temperature, with s_n the
    mask smoothed by a Gaussian, and 0 on tokens of other instances. What a query sees, and with
    which bias (cases 1 to 8 of docs/methods.md#mice; what is not named is shut):

    ==================  ====  ==============================  ========
    query               T_g   instances' prompts              L and C
    ==================  ====  ==============================  ========
    T_g                 0                                     0
    T_n                       T_n: 0                          B_n(key)
    L_n                       T_n: 0, other T_m: B_m(query)   B_n(key)
    L of no instance    0     every T_m: B_m(query)           0
    C_n                 0     T_n: 0                          0
    C of no instance    0                                     0
    ==================  ====  ==============================  ========

    A token in several instances gets, per key, the largest of their biases. Owned references are
    seen by their owner alone (see ``assign_tokens``).

    Args:
        layout: the joint sequence.
        masks: (N, h, w) bool on the latent grid.
        kernel_size: odd side of the Gaussian in tokens.
        temperature: tau > 0, higher is softer: 1 for few instances, 8 for dense scenes.
        epsilon: floor of the smoothed mask, > 0.
        instances_see_global: L_n also sees the global prompt, for global style changes.
        reference_masks, reference_owners, active, last_view: see ``assign_tokens``.
        strengths: per instance >= 0, multiplies the attention of L_n and C_n to T_n; default 1.

    Raises:
        ValueError: masks that do not fit the layout, or a parameter out of range.
    """
    placed = (reference_masks, reference_owners, active, last_view)
    members = assign_tokens(layout, masks, *placed)
    field = damping(members, kernel_size, temperature, epsilon)
    return damped_bias(layout, members, field, strengths, instances_see_global)


def damped_bias(
    layout: TokenLayout,
    members: Membership,
    field: Tensor,
    strengths: Sequence[float] | None,
    instances_see_global: bool,
) -> AttentionBias:
    """The table of ``mice_bias``, whatever damps.

    Args:
        field: (N, I) float32, see ``damping``; B_n is 0 in the mask and this elsewhere.
    """
    damped = field.masked_fill(members.inside, 0.0)  # B_n
    own = key_rows(damped, SHUT)
    rows = {"own": own, "whole scene": open_rows(members), "own and global": see_global(own)}
    latent = "own and global" if instances_see_global else "own"
    columns = prompt_columns(layout, members, strengths, damped[:, : layout.latent_tokens])
    table = RowTable(rows, text="own", latent=latent, context="whole scene")
    return assemble_bias(layout, members, columns, table)
