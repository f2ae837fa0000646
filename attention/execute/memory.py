"""What attention with a bias may hold beside its inputs and result."""

import torch
from torch import Tensor

from .batches import QueryBatch
from .costs import device_costs
from .faint import ALL_ANCHORS, PROOF_BYTES
from .plan import tile_rows_for

SHORT = 1024
"""Sequences up to this many tokens take the dense bias, and keep it: at most 4 MiB, fewer calls."""


def is_short(queries: int, keys: int) -> bool:
    """True if a bias is so small that it is used as a whole."""
    return queries * keys <= SHORT**2


def heads_at_once(batch: QueryBatch, q: Tensor, copy_bytes: int, shared: int = 1) -> int:
    """How many heads of k and v may be worked on together, with what is copied for them; >= 1.

    Args:
        copy_bytes: what queries, results, keys and values may take as copies.
        shared: heads of q that read one head of k and v, which is then repeated for each.
    """
    copied = 0
    if isinstance(batch.queries, Tensor):
        copied += 2 * len(batch.queries)
    if isinstance(batch.keys, Tensor):
        copied += 2 * len(batch.keys)
    elif shared > 1:
        copied += 2 * (batch.keys.stop - batch.keys.start)
    per_head = copied * shared * q.shape[0] * q.shape[3] * q.element_size()
    return max(1, min(q.shape[1] // shared, copy_bytes // max(1, per_head)))


def working_bytes(
    total: int,
    batch: int,
    heads: int,
    width: int,
    dtype: torch.dtype,
    device_type: str,
    dense: bool = False,
    shared: int = 1,
) -> int:
    """An upper bound of what ``attend`` holds at a time beside q, k, v, result and the tables.

    Args:
        total: Z, the number of queries and of keys.
        heads, width: of the model's queries.
        shared: heads of q that read one head of k and v.
    """
    row_bytes, head_bytes = total * dtype.itemsize, batch * width * dtype.itemsize
    repeated = 2 * total * heads * head_bytes if shared > 1 else 0
    whole = 3 * total * row_bytes + repeated
    if dense or is_short(total, total):
        return whole
    costs = device_costs(device_type)
    least, most = 4 * total * shared * head_bytes, 4 * total * heads * head_bytes
    copies = min(max(costs.copy_bytes, least), most)
    if device_type == "cpu" and shared == 1:  # the result and its sums, by heads
        copies += total * heads * (head_bytes + 4 * batch)
    proof = ALL_ANCHORS * heads * head_bytes + PROOF_BYTES
    batches = 2 * tile_rows_for(total, total, dtype.itemsize) * row_bytes + copies
    return max(batches, proof, whole if total <= costs.whole_tokens else 0)
