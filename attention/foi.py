"""FoI's cross-condition modulation (arXiv 2312.10113), carried over to joint attention.

What is the paper's and what is ours: docs/methods.md#foi.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .assemble import prompt_index
from .capture import mask_rows, query_chunks
from .tokens import TokenLayout

Kernel = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]

STRENGTH, POWER = 0.05, 4
"""xi(t) = 0.05 t^4 (Eq. 7)."""


def foi_logits(
    instructed: Tensor, null: Tensor, prompts: Tensor, inside: Tensor, boosts: Tensor
) -> Tensor:
    """Logits of latent queries to text keys: boosted inside the masks, the null branch's outside.

    Args:
        instructed, null: (B, H, q, T) logits of the two branches.
        prompts: (T,) int64, the prompt each key belongs to; 0 is the global one, left as it is.
        inside: (N, q) bool, the instances each query lies in.
        boosts: (N,) alpha_n xi(t). The maximum is over the query's text keys, per head.

    Returns:
        (B, H, q, T): ``X + boost (max X - X)`` inside, ``X_null`` outside.
    """
    everywhere = torch.ones_like(inside[:1])
    member = torch.cat([everywhere, inside])[prompts].T  # (q, T)
    boost = F.pad(boosts.to(instructed.dtype), (1, 0))[prompts]
    raised = instructed + boost * (instructed.amax(-1, keepdim=True) - instructed)
    return torch.where(member, raised, null)


def foi_boosts(strengths: Sequence[float], sigma: float) -> Tensor:
    """alpha_n xi(t) with xi = 0.05 t^4 and t the noise level: (N,) float32."""
    return torch.tensor(list(strengths), dtype=torch.float32) * (STRENGTH * sigma**POWER)


def foi_attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    layout: TokenLayout,
    masks: Tensor,
    boosts: Tensor,
    kernel: Kernel,
    mask: Tensor | None = None,
) -> Tensor:
    """Attention of pairs of branches in which the first gets the logits of ``foi_logits``.

    The change of the logits goes to the kernel as an additive mask, a chunk of latent queries at
    a time; all other rows are plain.

    Args:
        q, k, v: (2 B, H, Z, D); even items carry the instructions, odd ones the null text.
        layout: of one item.
        masks: (N, h, w) bool on the latent grid.
        boosts: (N,) from ``foi_boosts``.
        kernel: ``kernel(q, k, v, mask) -> (B, q, H * D)`` honouring an additive mask or None.
        mask: another pack's mask, broadcastable to (2 B, H, Z, Z).
    """
    out = kernel(q, k, v, mask)
    text = layout.text_total
    inside = masks.to(q.device).flatten(1)
    prompts, boosts = prompt_index(layout, q.device), boosts.to(q.device)
    keys = k[:, :, :text].float().transpose(-1, -2) * q.shape[-1] ** -0.5
    pairs, heads = q.shape[0] // 2, q.shape[1]
    for rows in query_chunks(layout.latent_span, q.element_size() * pairs * heads * k.shape[2]):
        logits = q[:, :, rows].float() @ keys
        own = slice(rows.start - text, rows.stop - text)
        wanted = foi_logits(logits[0::2], logits[1::2], prompts, inside[:, own], boosts)
        added = q.new_zeros(*wanted.shape[:3], k.shape[2])
        added[..., :text] = wanted - logits[0::2]
        if mask is not None:
            added = added + mask_rows(mask, rows, q.dtype)[0::2]
        out[0::2, rows] = kernel(q[0::2, :, rows], k[0::2], v[0::2], added)
    return out
