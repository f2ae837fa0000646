"""IID's attention of phase B: prompts bound to their latents, all else open (arXiv 2504.04784)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .assemble import SHUT, assemble_bias, inside_rows, key_rows, prompt_columns
from .bias import AttentionBias
from .membership import Membership, assign_tokens
from .tokens import TokenLayout


def iid_bias(
    layout: TokenLayout,
    masks: Tensor,
    *,
    reference_masks: Sequence[Tensor] | None = None,
    reference_owners: Sequence[int | None] | None = None,
    strengths: Sequence[float] | None = None,
    active: Sequence[bool] | None = None,
) -> AttentionBias:
    """IID's attention of phase B as a bias: 0 where a query may look, -inf elsewhere.

    Prompts see themselves and, of the latents, their instance's; latents see all latents and, of
    the prompts, their instances'; everything to and from references is open. The global prompt,
    which the paper has not, is the background's own: latents of no instance and references read
    it, and it sees the whole picture.

    Args:
        layout: the joint sequence.
        masks: (N, h, w) bool on the latent grid.
        reference_masks: not used, references being open; accepted as by the other methods.
        reference_owners, active: see ``assign_tokens``.
        strengths: per instance >= 0, multiplies the attention of L_n to T_n; default 1.

    Raises:
        ValueError: masks that do not fit the layout, or a parameter out of range.
    """
    members = assign_tokens(layout, masks, reference_masks, reference_owners, active)
    latent_keys = torch.arange(layout.image_tokens, device=masks.device) < layout.latent_tokens
    context = members.scene & ~latent_keys
    text = inside_rows(members)
    text[:, 2:] = text[:, 2:].masked_fill(context, 0.0)
    image = torch.zeros_like(members.inside, dtype=torch.float32)
    latent = key_rows(image.masked_fill(~members.scene & ~members.inside, SHUT), SHUT)
    open_context = latent.clone()
    open_context[:, 0] = 0.0
    columns = prompt_columns(layout, members, strengths)
    columns[:, 1 + layout.instances :] = _open_context(columns, layout, members, context, strengths)
    return assemble_bias(layout, members, columns, text=text, latent=latent, context=open_context)


def _open_context(
    columns: Tensor,
    layout: TokenLayout,
    members: Membership,
    context: Tensor,
    strengths: Sequence[float] | None,
) -> Tensor:
    """How image tokens see the prompts, every reference of the scene open to every live one."""
    live = members.active.clone()
    if strengths is not None:
        live &= torch.tensor(list(strengths), device=live.device) > 0
    return columns[:, 1 + layout.instances :].masked_fill(live[:, None] & context, 0.0)
