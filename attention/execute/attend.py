"""Attention with an AttentionBias, exact and without ever holding its Z x Z matrix."""

from collections.abc import Callable

from torch import Tensor

from .batches import Picked, QueryBatch, size
from .faint import Faint
from .masks import additive_mask
from .memory import heads_at_once, is_short
from .plan import BiasPlan

MaskedKernel = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
OpenKernel = Callable[[Tensor, Tensor, Tensor], Tensor]


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    plan: BiasPlan,
    kernel: MaskedKernel,
    mask: Tensor | None = None,
    *,
    open_kernel: OpenKernel | None = None,
    dense: bool = False,
) -> Tensor:
    """softmax(q k^T / sqrt(d) + bias + mask) v; 0 for a query whose bias shuts every key.

    Queries that see alike are attended together on the keys they may see, without a mask where
    the bias is 0 on all of those, else with a tile of the bias. A shut key weighs exactly 0 and
    may be left out; one with a finite bias only where these queries and keys prove that all of
    those together weigh less than float32's rounding (``faint.py``). That reads a number from the
    device, unless the plan was decided before (``BiasPlan.decided``). Where they stay, the whole
    bias in one call may cost less (``BiasPlan.is_whole``).

    Args:
        q, k, v: (B, H, Lq, D) and (B, H_kv, keys, D). H is a whole multiple of H_kv (grouped-query
            attention: query head h reads head h // (H / H_kv)); Lq may be less than the bias's
            queries (cached references), they are then the first of them.
        plan: of the bias for these queries and keys, on the device of q. Keep it: what it works
            out serves all calls.
        kernel: ``kernel(q, k, v, mask)`` that honours an additive mask, (1, 1, 1, keys) expanded
            or (1, 1, queries, keys); gets any number of heads (as many of k and v as of q),
            queries and keys. Returns (B, Lq, H * D), as ComfyUI's kernels do.
        mask: another pack's mask, see ``additive_mask``; broadcastable to (B, H, Lq, keys). It is
            as large as the dense bias, which is then used.
        open_kernel: ``open_kernel(q, k, v)`` for the calls without a mask; default ``kernel``.
        dense: use the whole matrix at once.

    Returns:
        (B, Lq, H * D).

    Raises:
        ValueError: heads that do not share evenly, or a mask of another form.
    """
    sharing_heads(q, k)  # refuses what does not share
    if takes_whole_bias(plan, mask, dense):
        kept = is_short(plan.bias.queries, plan.bias.keys)
        return attend_dense(q, k, v, plan, kernel, mask, kept=kept)
    plan = plan.decided(q, k, Faint.is_exact)
    if plan.is_whole(q.shape[2]):
        return attend_dense(q, k, v, plan, kernel, kept=True)
    batches = plan.batches(q.shape[2])
    return attend_batches(q, k, v, plan, batches, kernel, open_kernel)


def takes_whole_bias(plan: BiasPlan, mask: Tensor | None, dense: bool) -> bool:
    """True if ``attend`` makes one call with the whole bias, whatever its keys."""
    return dense or mask is not None or is_short(plan.bias.queries, plan.bias.keys)


def attend_dense(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    plan: BiasPlan,
    kernel: MaskedKernel,
    mask: Tensor | None = None,
    *,
    kept: bool,
) -> Tensor:
    """``attend`` with the whole matrix in one call, kept for further ones or filled; see there."""
    queries, shared = q.shape[2], sharing_heads(q, k)
    tile = (plan.whole if kept else plan.filled(queries))[:queries].to(q.dtype)
    blind = None if plan.blind is None else plan.blind[:queries, None]
    added = tile[None, None] if mask is None else tile + additive_mask(mask, q.dtype)
    out = kernel(q, repeat_heads(k, shared), repeat_heads(v, shared), added)
    return out if blind is None else out.masked_fill(blind, 0.0)


def attend_batches(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    plan: BiasPlan,
    batches: tuple[QueryBatch, ...],
    kernel: MaskedKernel,
    open_kernel: OpenKernel | None = None,
) -> Tensor:
    """``attend`` batch by batch; see there."""
    heads, queries, width = q.shape[1:]
    shared = sharing_heads(q, k)
    out = None
    for batch in batches:
        tile = None if batch.is_open else batch.tile(plan.bias).to(q.dtype)[None, None]
        count = heads_at_once(batch, q, plan.costs.copy_bytes, shared)
        for first in range(0, k.shape[1], count):
            read = slice(first, min(first + count, k.shape[1]))
            some = slice(read.start * shared, read.stop * shared)
            part_q = pick(q[:, some], batch.queries)
            part_k = repeat_heads(pick(k[:, read], batch.keys), shared)
            part_v = repeat_heads(pick(v[:, read], batch.keys), shared)
            if tile is not None:
                shape = (1, 1, part_q.shape[2], tile.shape[3])
                part = kernel(part_q, part_k, part_v, tile.expand(shape))
            elif open_kernel is not None:
                part = open_kernel(part_q, part_k, part_v)
            else:
                part = kernel(part_q, part_k, part_v, None)
            if out is None:
                out = part.new_zeros(q.shape[0], queries, heads * width)
            write_rows(out[..., some.start * width : some.stop * width], part, batch.queries)
    return q.new_zeros(q.shape[0], queries, heads * width) if out is None else out


def sharing_heads(q: Tensor, k: Tensor) -> int:
    """How many heads of q read one head of k and v.

    Raises:
        ValueError: they do not share evenly.
    """
    shared, rest = divmod(q.shape[1], k.shape[1])
    if rest or not shared:
        raise ValueError(
            f"{q.shape[1]} heads of queries cannot share {k.shape[1]} heads of keys and values "
            "evenly. Give as many heads of keys and values as of queries, or a whole fraction."
        )
    return shared


def repeat_heads(tokens: Tensor, times: int) -> Tensor:
    """(B, H_kv, L, D) -> (B, H_kv * times, L, D); a copy unless once."""
    return tokens if times == 1 else tokens.repeat_interleave(times, dim=1)


def pick(tokens: Tensor, places: Picked) -> Tensor:
    """(B, H, L, D) -> (B, H, places, D)."""
    if isinstance(places, slice):
        return tokens[:, :, places]
    return tokens.index_select(2, places)


def write_rows(out: Tensor, part: Tensor, places: Picked, dim: int = 1) -> None:
    """Write a batch's result into ``out`` at its queries, which ``dim`` counts, in place."""
    if isinstance(places, slice):
        out.narrow(dim, places.start, size(places)).copy_(part)
    else:
        out.index_copy_(dim, places, part.to(out.dtype))
