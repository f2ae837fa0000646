"""IID's attention of phase B: prompts bound to their latents, all else open (arXiv 2504.04784).

What is the paper's and what is ours: docs/methods.md#iid.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from .assemble import SHUT, RowTable, assemble_bias, inside_rows, key_rows, prompt_columns
from .bias import AttentionBias
from .membership import assign_tokens
from .tokens import TokenLayout


def iid_bias(
    layout: TokenLayout,
    masks: Tensor,
    *,
    reference_masks: Sequence[Tensor] | None = None,
    reference_owners: Sequence[int | None] | None = None,
    strengths: Sequence[float] | None = None,
    active: Sequence[bool] | None = None,
    last_view: bool = False,
) -> AttentionBias:
    """IID's attention of phase B as a bias: 0 where a query may look, -inf elsewhere.

    =============  ============================================
    query          sees
    =============  ============================================
    T_g            T_g, all L, all C
    T_n            T_n, L_n, all C
    L_n            T_n, all L, all C
    L of nobody    T_g, all L, all C
    C              T_g, every T_n, all L, all C
    =============  ============================================

    The paper has no global prompt: here it is the background's. A latent token in several
    instances sees the prompts of all of them; owned references are seen by their owner alone.

    Args:
        layout: the joint sequence.
        masks: (N, h, w) bool on the latent grid.
        reference_masks: not used, references being open; accepted as by the other methods.
        reference_owners, active, last_view: see ``assign_tokens``.
        strengths: per instance >= 0, multiplies the attention of L_n to T_n; default 1.

    Raises:
        ValueError: masks that do not fit the layout, or a parameter out of range.
    """
    placed = (reference_masks, reference_owners, active, last_view)
    members = assign_tokens(layout, masks, *placed)
    latents = torch.arange(layout.image_tokens, device=masks.device) < layout.latent_tokens
    references = members.scene & ~latents
    prompt = inside_rows(members)
    prompt[:, 2:] = prompt[:, 2:].masked_fill(references, 0.0)
    others = ~members.scene & ~members.inside
    image = torch.zeros_like(members.inside, dtype=torch.float32).masked_fill(others, SHUT)
    rows = {"latent": key_rows(image, SHUT), "reference": key_rows(image, 0.0), "prompt": prompt}
    table = RowTable(rows, text="prompt", latent="latent", context="reference")
    columns = prompt_columns(layout, members, strengths, read_all=references)
    return assemble_bias(layout, members, columns, table)
