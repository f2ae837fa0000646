"""Attention in two parts, one of them a single call over the keys that most queries see alike."""

import torch
from torch import Tensor

from .attend import pick, write_rows
from .batches import QueryBatch, size
from .shared import SharedKeys

RUN_BYTES = 12 << 20
"""So much of the queries is copied at a time: five heads of 1024 x 1024 with a reference (measured:
fewer heads are more calls, more of them leave the cache)."""
KERNEL = "_scaled_dot_product_flash_attention_for_cpu"


def can_share(q: Tensor, k: Tensor) -> bool:
    """True if ``attend_shared`` takes these: torch's kernel for CPUs gives what it weighs with.

    The weights have no gradient, and every head reads keys of its own. The kernel is no public
    function of torch: where a version lacks it, nothing is shared.
    """
    if q.device.type != "cpu" or not hasattr(torch.ops.aten, KERNEL):
        return False
    return q.shape[1] == k.shape[1] and not torch.is_grad_enabled()


def attend_shared(q: Tensor, k: Tensor, v: Tensor, shared: SharedKeys) -> Tensor:
    """``attend`` by the two parts of a bias, see ``shared.py``.

    Args:
        q, k, v: (B, H, Lq, D), (B, H, keys, D), (B, H, keys, D) on the CPU.
        shared: of the bias, for Lq queries.

    Returns:
        (B, Lq, H * D).
    """
    out = q.new_empty(q.shape[0], q.shape[2], q.shape[1], q.shape[3])
    count = heads_at_a_time(q)
    tokens = zip(*(torch.split(one, count, 1) for one in (q, k, v)), strict=True)
    for own, (part_q, part_k, part_v) in zip(torch.split(out, count, 2), tokens, strict=True):
        ordered = attend_in_order(part_q.index_select(2, shared.order), part_k, part_v, shared)
        own.copy_(ordered.index_select(2, shared.ranks).transpose(1, 2))
    return out.flatten(2)


def attend_in_order(q: Tensor, k: Tensor, v: Tensor, shared: SharedKeys) -> Tensor:
    """(B, H, Lq, D): ``attend_shared`` of queries in ``shared.order``."""
    out, sums = attend_common(q, k, v, shared)
    for batch in shared.batches:
        add_batch(out, sums, (q, k, v), shared, batch)
    return out


def attend_common(q: Tensor, k: Tensor, v: Tensor, shared: SharedKeys) -> tuple[Tensor, Tensor]:
    """The part of the shared keys, of queries in ``shared.order``.

    Returns:
        (B, H, Lq, D), 0 for queries that do without it, and (B, H, Lq) float32, the logarithm of
        the sum that it was divided by, -inf for those.
    """
    places = shared.queries
    part, part_sums = attend_with_sums(pick(q, places), pick(k, shared.keys), pick(v, shared.keys))
    part_sums += shared.levels[places]
    if size(places) == q.shape[2]:
        return part, part_sums
    out, sums = q.new_zeros(q.shape), part_sums.new_full(q.shape[:3], -torch.inf)
    write_rows(out, part, places, dim=2)
    write_rows(sums, part_sums, places, dim=2)
    return out, sums


def add_batch(
    out: Tensor,
    sums: Tensor,
    tokens: tuple[Tensor, Tensor, Tensor],
    shared: SharedKeys,
    batch: QueryBatch,
) -> None:
    """Add what a batch's queries see beside the shared keys to ``out``, in place.

    Args:
        out, sums: see ``attend_common``.
        tokens: q, k and v.
        batch: of ``shared``, so that its queries are a run.
    """
    q, k, v = tokens
    rows = batch.queries
    part_q, mask = pick(q, rows), None
    if not batch.is_open:
        tile = batch.tile(shared.rest).to(torch.promote_types(q.dtype, torch.float32))
        mask = tile[None, None].expand(1, 1, part_q.shape[2], tile.shape[1])
    part, part_sums = attend_with_sums(part_q, pick(k, batch.keys), pick(v, batch.keys), mask)
    share = (part_sums - sums[:, :, rows]).sigmoid().to(out.dtype)
    out[:, :, rows].lerp_(part, share[..., None])


def heads_at_a_time(q: Tensor) -> int:
    """How many heads are attended together, so that what is copied of them is little."""
    return max(1, RUN_BYTES // max(1, q[:, 0].numel() * q.element_size()))


def attend_with_sums(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """torch's attention on a CPU: (B, H, Lq, D), and (B, H, Lq) the logarithms of its sums."""
    kernel = getattr(torch.ops.aten, KERNEL)
    return kernel(q, k, v, dropout_p=0.0, is_causal=False, attn_mask=mask)
