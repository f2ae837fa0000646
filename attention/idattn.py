"""IDAttn: binary disentangled and harmonious masks (arXiv 2602.08749).

Source, schedule and what differs: docs/methods.md#idattn.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from .assemble import RowTable, assemble_bias, inside_rows, open_rows, prompt_columns
from .bias import AttentionBias
from .membership import assign_tokens
from .tokens import TokenLayout

Kind = Literal["dis", "har"]


def idattn_bias(
    layout: TokenLayout,
    masks: Tensor,
    *,
    kind: Kind,
    reference_masks: Sequence[Tensor] | None = None,
    reference_owners: Sequence[int | None] | None = None,
    strengths: Sequence[float] | None = None,
    active: Sequence[bool] | None = None,
    last_view: bool = False,
) -> AttentionBias:
    """IDAttn's mask as a bias: 0 where a query may look, -inf elsewhere.

    ======================  ======================================
    query                   sees
    ======================  ======================================
    T_g                     T_g, all L, all C
    T_n                     T_n, L_n, C_n
    L, C of no instance     T_g, all L, all C
    L_n, C_n in ``dis``     T_n, L_n, C_n
    L_n, C_n in ``har``     T_g, T_n, all L, all C
    ======================  ======================================

    A token in several instances sees what any of them lets it see. Owned references are seen by
    their owner alone (see ``assign_tokens``).

    Args:
        layout: the joint sequence.
        masks: (N, h, w) bool on the latent grid.
        kind: ``dis`` (M_dis) or ``har`` (M_har).
        reference_masks, reference_owners, active, last_view: see ``assign_tokens``.
        strengths: per instance >= 0, multiplies the attention of L_n and C_n to T_n; default 1.

    Raises:
        ValueError: masks that do not fit the layout, or a parameter out of range.
    """
    if kind not in ("dis", "har"):
        raise ValueError(f"kind must be 'dis' or 'har', got {kind!r}.")
    placed = (reference_masks, reference_owners, active, last_view)
    members = assign_tokens(layout, masks, *placed)
    rows = {"whole scene": open_rows(members), "own tokens": inside_rows(members)}
    image = "own tokens" if kind == "dis" else "whole scene"
    table = RowTable(rows, text="own tokens", latent=image, context=image)
    return assemble_bias(layout, members, prompt_columns(layout, members, strengths), table)
