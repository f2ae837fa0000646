"""IDAttn: binary disentangled and harmonious masks (arXiv 2602.08749)."""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from .assemble import assemble_bias, inside_rows, open_rows, prompt_columns
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
) -> AttentionBias:
    """IDAttn's mask as a bias: 0 where a query may look, -inf elsewhere.

    ``dis``: tokens of an instance see its prompt and its own image tokens only. ``har``: they see
    the global prompt, their own prompt and the whole image. Prompts see themselves and their
    instance's tokens in both; background tokens see the global prompt and the whole image.

    Args:
        layout: the joint sequence.
        masks: (N, h, w) bool on the latent grid.
        kind: ``dis`` (M_dis) or ``har`` (M_har).
        reference_masks, reference_owners, active: see ``assign_tokens``.
        strengths: per instance >= 0, multiplies the attention of L_n and C_n to T_n; default 1.

    Raises:
        ValueError: masks that do not fit the layout, or a parameter out of range.
    """
    if kind not in ("dis", "har"):
        raise ValueError(f"kind must be 'dis' or 'har', got {kind!r}.")
    members = assign_tokens(layout, masks, reference_masks, reference_owners, active)
    own = inside_rows(members)
    image = own if kind == "dis" else open_rows(members)
    columns = prompt_columns(layout, members, strengths)
    return assemble_bias(layout, members, columns, text=own, latent=image, context=image)
