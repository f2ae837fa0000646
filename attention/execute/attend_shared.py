"""Attention in two parts, one of them a single call over the keys that most queries see alike."""

import torch
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
    return joined(out, shared.ranks)


def attend_common(q: Tensor, k: Tensor, v: Tensor, shared: SharedKeys) -> tuple[Tensor, Tensor]:
    """The part of the shared keys.

    Returns:
        In ``shared.order``: (B, H, Lq, D), 0 for queries that do without it, and (B, H, Lq)
        float32, the logarithm of the sum that it was divided by, -inf for those.
    """
    places, keys = shared.queries, shared.keys
    out, sums = q.new_zeros(q.shape), shared.level.new_full(q.shape[:3], -torch.inf)
    for some in head_runs(q, 2 * size(places) + copied(keys)):
        part_q = pick(q[:, some], shared.order[places])
        part_k, part_v = pick(k[:, some], keys), pick(v[:, some], keys)
        part, part_sums = attend_with_sums(part_q, part_k, part_v)
        write_rows(out[:, some], part, places, dim=2)
        write_rows(sums[:, some], part_sums + shared.levels[places], places, dim=2)
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
    precise = torch.promote_types(q.dtype, torch.float32)
    tile = None if batch.is_open else batch.tile(shared.rest).to(precise)[None, None]
    mask = None if tile is None else tile.expand(1, 1, size(rows), tile.shape[3])
    for some in head_runs(q, 2 * size(rows) + copied(batch.keys)):
        part_q = pick(q[:, some], shared.order[rows])
        part_k, part_v = pick(k[:, some], batch.keys), pick(v[:, some], batch.keys)
        part, part_sums = attend_with_sums(part_q, part_k, part_v, mask)
        share = (part_sums - sums[:, some, rows]).sigmoid().to(out.dtype)
        out[:, some, rows].lerp_(part, share[..., None])


def joined(out: Tensor, ranks: Tensor) -> Tensor:
    """(B, H, Lq, D) in another order -> (B, Lq, H * D), query i from place ``ranks[i]``."""
    result = out.new_empty(out.shape[0], out.shape[2], out.shape[1], out.shape[3])
    for some in head_runs(out, out.shape[2]):
        result[:, :, some] = pick(out[:, some], ranks).transpose(1, 2)
    return result.flatten(2)


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
