"""What image tokens read of the text: softmax rows for the queries wanted, never a Z x Z matrix."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from .execute.masks import additive_mask

CHUNK_BYTES = 64 * 2**20


def text_attention(
    q: Tensor,
    k: Tensor,
    queries: slice,
    weights: Tensor,
    *,
    renormalise: bool = False,
    mask: Tensor | None = None,
) -> Tensor:
    """Post-softmax attention of some queries to the text, summed over groups of text tokens.

    Works through the queries in chunks: at most about 64 MiB of logits at a time (one query's row
    if that is more).

    Args:
        q, k: (B, H, Lq, D) and (B, H, Z, D) as they enter the attention (after RoPE).
        queries: the rows wanted, of the joint sequence.
        weights: (B, G, T) weight of each of the first T keys (the text) in each group;
            1 / (number of tokens) gives the mean over a group's tokens.
        renormalise: softmax over the text keys only, as if there were no image keys.
        mask: what is added to the logits, or bool; broadcastable to (B, H, Lq, Z).

    Returns:
        (B, H, G, number of queries) float32.
    """
    text = weights.shape[-1]
    keys = (k[:, :, :text] if renormalise else k).float().transpose(-1, -2)
    total = keys.shape[-1]
    scale = q.shape[-1] ** -0.5
    parts: list[Tensor] = []
    for rows in query_chunks(queries, 4 * q.shape[0] * q.shape[1] * total):
        logits = (q[:, :, rows].float() * scale) @ keys  # (B, H, chunk, Z or T)
        if mask is not None:
            logits = logits + mask_rows(mask, rows, torch.float32)[..., :total]
        attention = logits.softmax(-1)[..., :text]
        parts.append(torch.einsum("bhqt,bgt->bhgq", attention, weights.float()))
    return torch.cat(parts, dim=-1)


def token_weights(groups: Sequence[Sequence[int]], text: int) -> Tensor:
    """Mean over each group's tokens as weights: (G, text) float32.

    Raises:
        ValueError: a group without tokens, or with a token outside the text.
    """
    weights = torch.zeros(len(groups), text)
    for group, tokens in zip(weights, groups, strict=True):
        if not tokens or min(tokens) < 0 or max(tokens) >= text:
            raise ValueError(
                f"every group must name at least one text token in 0 .. {text - 1}, got "
                f"{list(tokens)}. An instruction without words cannot be looked for."
            )
        group[list(tokens)] = 1 / len(set(tokens))
    return weights


def query_chunks(queries: slice, row_bytes: int) -> Iterator[slice]:
    """The queries in runs whose logits take at most ``CHUNK_BYTES``."""
    step = max(1, CHUNK_BYTES // row_bytes)
    for start in range(queries.start, queries.stop, step):
        yield slice(start, min(start + step, queries.stop))


def mask_rows(mask: Tensor, rows: slice, dtype: torch.dtype) -> Tensor:
    """The rows of a mask, additive and (B or 1, H or 1, rows or 1, Z or 1)."""
    added = additive_mask(mask, dtype)
    return added if added.shape[2] == 1 else added[:, :, rows]
