"""Attention in two parts, one of them a single call over the keys that most queries see alike."""

import torch
from einops import rearrange
from torch import Tensor

from .attend import pick, write_rows
from .batches import Picked, QueryBatch, size
from .costs import CPU
from .shared import SharedKeys

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
    out, sums = attend_common(q, k, v, shared)
    for batch in shared.batches:
        add_batch(out, sums, (q, k, v), shared, batch)
    return rearrange(out, "b h l d -> b l (h d)")


def attend_common(q: Tensor, k: Tensor, v: Tensor, shared: SharedKeys) -> tuple[Tensor, Tensor]:
    """The part of the shared keys.

    Returns:
        (B, H, Lq, D), 0 for queries that do without it, and (B, H, Lq) float32, the logarithm of
        the sum that it was divided by, -inf for those.
    """
    places, keys = shared.queries, shared.keys
    if size(places) == q.shape[2] and isinstance(keys, slice):
        out, sums = attend_with_sums(q, pick(k, keys), pick(v, keys))
        return out, sums + shared.level
    out, sums = q.new_zeros(q.shape), shared.level.new_full(q.shape[:3], -torch.inf)
    for some in head_runs(q, copied(places) + copied(keys)):
        part_k, part_v = pick(k[:, some], keys), pick(v[:, some], keys)
        part, part_sums = attend_with_sums(pick(q[:, some], places), part_k, part_v)
        levels = part_sums + shared.level[places]
        write_rows(out[:, some], part, places, dim=2)
        write_rows(sums[:, some], levels, places, dim=2)
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
    """
    q, k, v = tokens
    rows = batch.queries
    precise = torch.promote_types(q.dtype, torch.float32)
    tile = None if batch.is_open else batch.tile(shared.rest).to(precise)[None, None]
    for some in head_runs(q, 2 * size(rows) + copied(batch.keys)):
        part_q = pick(q[:, some], rows)
        mask = None if tile is None else tile.expand(1, 1, part_q.shape[2], tile.shape[3])
        part_k, part_v = pick(k[:, some], batch.keys), pick(v[:, some], batch.keys)
        part, part_sums = attend_with_sums(part_q, part_k, part_v, mask)
        share = (part_sums - sums[:, some, rows]).sigmoid().to(out.dtype)
        blended = pick(out[:, some], rows).lerp_(part, share[..., None])
        if isinstance(rows, Tensor):  # else it was in place
            write_rows(out[:, some], blended, rows, dim=2)


def head_runs(q: Tensor, rows: int) -> list[slice]:
    """The heads in runs for each of which so many rows are copied at a time."""
    per_head = rows * q.shape[0] * q.shape[3] * q.element_size()
    count = max(1, CPU.copy_bytes // max(1, per_head))
    return [slice(i, min(i + count, q.shape[1])) for i in range(0, q.shape[1], count)]


def copied(places: Picked) -> int:
    """Rows that are copied for a call, of two tensors."""
    return 2 * len(places) if isinstance(places, Tensor) else 0


def attend_with_sums(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """torch's attention on a CPU: (B, H, Lq, D), and (B, H, Lq) the logarithms of its sums."""
    kernel = getattr(torch.ops.aten, KERNEL)
    return kernel(q, k, v, dropout_p=0.0, is_causal=False, attn_mask=mask)
