"""Attention with an AttentionBias, exact and without ever holding its Z x Z matrix."""

from collections.abc import Callable
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ..bias import AttentionBias
from .faint import ALL_ANCHORS, PROOF_BYTES, Faint, find_faint
from .plan import Group, Picked, plan_groups, tile_rows_for

MaskedKernel = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
OpenKernel = Callable[[Tensor, Tensor, Tensor], Tensor]

SHORT = 1024
"""Sequences up to this many tokens take the dense bias: at most 4 MiB, and fewer calls."""
COPY_BYTES = {"cpu": 4 << 20}
ACCELERATOR_COPY_BYTES = 64 << 20
"""Queries, keys and results copied at a time. Accelerators need many heads at once to be busy."""

_faint: WeakKeyDictionary[AttentionBias, Faint | None] = WeakKeyDictionary()
_plans: WeakKeyDictionary[AttentionBias, dict[int, tuple[Group, ...]]] = WeakKeyDictionary()


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: AttentionBias,
    kernel: MaskedKernel,
    mask: Tensor | None = None,
    *,
    open_kernel: OpenKernel | None = None,
    dense: bool = False,
) -> Tensor:
    """softmax(q k^T / sqrt(d) + bias + mask) v.

    Queries that see alike are attended together on the keys they may see, without a mask where
    the bias is 0 on all of those, else with a tile of the bias. A shut key weighs exactly 0 and
    may be left out; one with a finite bias only where these queries and keys prove that all of
    those together weigh less than float32's rounding (``faint.py``).

    Args:
        q, k, v: (B, H, Lq, D) and (B, H_kv, keys, D). H is a whole multiple of H_kv (grouped-query
            attention: query head h reads head h // (H / H_kv)); Lq may be less than the bias's
            queries (cached references), they are then the first of them.
        bias: for these queries and keys, on the device of q.
        kernel: ``kernel(q, k, v, mask)`` that honours an additive mask, (1, 1, 1, keys) expanded
            or (1, 1, queries, keys); gets any number of heads (as many of k and v as of q),
            queries and keys. Returns (B, Lq, H * D), as ComfyUI's kernels do.
        mask: another pack's mask, bool (True = open) or additive, broadcastable to (B, H, Lq, Z).
            It is as large as the dense bias, which is then used.
        open_kernel: ``open_kernel(q, k, v)`` for the calls without a mask; default ``kernel``.
        dense: use the whole matrix at once.

    Returns:
        (B, Lq, H * D).
    """
    queries, shared = q.shape[2], sharing_heads(q, k)
    if dense or mask is not None or bias.queries * bias.keys <= SHORT**2:
        tile = bias.tile(slice(0, queries)).to(q.dtype)[None, None]
        mask = tile if mask is None else tile + additive_mask(mask, q.dtype)
        return kernel(q, repeat_heads(k, shared), repeat_heads(v, shared), mask)
    faint = faint_of(bias)
    if faint is not None and faint.is_exact(q, k):
        bias = faint.shut
    return attend_groups(q, k, v, bias, groups_of(bias, queries), kernel, open_kernel)


@torch.inference_mode(False)  # what is kept must serve a later training step too
def faint_of(bias: AttentionBias) -> Faint | None:
    """``find_faint``, once per bias while it lives."""
    if bias not in _faint:
        _faint[bias] = find_faint(bias)
    return _faint[bias]


@torch.inference_mode(False)
def groups_of(bias: AttentionBias, queries: int) -> tuple[Group, ...]:
    """``plan_groups``, once per bias and number of queries while the bias lives."""
    plans = _plans.setdefault(bias, {})
    if queries not in plans:
        plans[queries] = plan_groups(bias, queries)
    return plans[queries]


def attend_groups(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: AttentionBias,
    groups: tuple[Group, ...],
    kernel: MaskedKernel,
    open_kernel: OpenKernel | None = None,
) -> Tensor:
    """``attend`` group by group; see there."""
    batch, heads, queries, width = q.shape
    shared = sharing_heads(q, k)
    out = None
    for group in groups:
        tile = None if group.is_open else group.tile(bias).to(q.dtype)[None, None]
        count = heads_at_once(group, q, shared)
        for first in range(0, k.shape[1], count):
            read = slice(first, min(first + count, k.shape[1]))
            some = slice(read.start * shared, read.stop * shared)
            part_q = pick(q[:, some], group.queries)
            part_k = repeat_heads(pick(k[:, read], group.keys), shared)
            part_v = repeat_heads(pick(v[:, read], group.keys), shared)
            if tile is not None:
                shape = (1, 1, part_q.shape[2], tile.shape[3])
                part = kernel(part_q, part_k, part_v, tile.expand(shape))
            elif open_kernel is not None:
                part = open_kernel(part_q, part_k, part_v)
            else:
                part = kernel(part_q, part_k, part_v, None)
            if out is None:
                out = part.new_empty(batch, queries, heads * width)
            place(out[..., some.start * width : some.stop * width], part, group.queries)
    assert out is not None
    return out


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


def heads_at_once(group: Group, q: Tensor, shared: int = 1) -> int:
    """How many heads of keys and values may be worked on together, with what is copied for them:
    at least one.

    Args:
        shared: heads of q that read each of them.
    """
    copied = 0
    if isinstance(group.queries, Tensor):
        copied += 2 * len(group.queries)
    if isinstance(group.keys, Tensor):
        copied += 2 * len(group.keys)
    elif shared > 1:
        copied += 2 * (group.keys.stop - group.keys.start)
    limit = COPY_BYTES.get(q.device.type, ACCELERATOR_COPY_BYTES)
    per_head = copied * shared * q.shape[0] * q.shape[3] * q.element_size()
    return max(1, min(q.shape[1] // shared, limit // max(1, per_head)))


def working_bytes(
    total: int,
    batch: int,
    heads: int,
    width: int,
    dtype: torch.dtype,
    device_type: str,
    dense: bool = False,
) -> int:
    """An upper bound of what ``attend`` holds at a time beside q, k, v, result and the tables.

    Args:
        total: Z.
        heads, width: of the model.
    """
    row_bytes = total * dtype.itemsize
    if dense or total <= SHORT:
        return 3 * total * row_bytes
    limit = COPY_BYTES.get(device_type, ACCELERATOR_COPY_BYTES)
    head_bytes = batch * width * dtype.itemsize
    copies = min(max(limit, 4 * total * head_bytes), 4 * total * heads * head_bytes)
    proof = ALL_ANCHORS * heads * head_bytes + PROOF_BYTES
    return max(2 * tile_rows_for(total, total, dtype.itemsize) * row_bytes + copies, proof)


def pick(tokens: Tensor, places: Picked) -> Tensor:
    """(B, H, L, D) -> (B, H, places, D)."""
    if isinstance(places, slice):
        return tokens[:, :, places]
    return tokens.index_select(2, places)


def place(out: Tensor, part: Tensor, places: Picked) -> None:
    """Write a group's result, (B, n, columns), into ``out`` at its queries, in place."""
    if isinstance(places, slice):
        out.narrow(1, places.start, places.stop - places.start).copy_(part)
    else:
        out[:, places] = part


def additive_mask(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask as additive and four-dimensional: True and 0 open, False and -inf shut."""
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, float("-inf"))
    while mask.ndim < 4:
        mask = mask[None] if mask.ndim == 2 else mask[:, None]
    return mask.to(dtype)
