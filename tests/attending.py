"""Attention by torch and by loops, random tokens and editing scenes, for the tests of `execute`."""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from instance_edit.attention import AttentionBias, idattn_bias, mice_bias
from instance_edit.benchmarks.speed.jobs import job_layout, job_masks

BUILDERS = {
    "mice": mice_bias,
    "dis": lambda *a, **k: idattn_bias(*a, kind="dis", **k),
    "har": lambda *a, **k: idattn_bias(*a, kind="har", **k),
}


def sdpa(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Torch's attention, as ComfyUI's kernels return it: (B, L, H * D)."""
    return joined(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))


def joined(out: Tensor) -> Tensor:
    """(B, H, L, D) -> (B, L, H * D)."""
    return out.transpose(1, 2).flatten(2)


def tokens(
    total: int,
    queries: int | None = None,
    heads: int = 3,
    read: int | None = None,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> list[Tensor]:
    """q with ``heads`` heads, k and v with ``read``; two items, 8 numbers a head."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(heads, queries or total), (read or heads, total), (read or heads, total)]
    return [torch.randn(2, *shape, 8, generator=generator).to(dtype) for shape in shapes]


def naive(q: Tensor, k: Tensor, v: Tensor, dense: Tensor) -> Tensor:
    """Token by token in double precision; 0 for a query that sees nothing."""
    k, v = (torch.stack([t] * (q.shape[1] // k.shape[1]), 2).flatten(1, 2) for t in (k, v))
    out = torch.zeros(q.shape, dtype=torch.float64)
    for i in range(q.shape[2]):
        if bool((dense[i] > -math.inf).any()):
            logits = (k.double() @ q[:, :, i, :, None].double())[..., 0] / math.sqrt(q.shape[3])
            weights = (logits + dense[i].double()).softmax(-1)
            out[:, :, i] = (weights[..., None] * v.double()).sum(2)
    return joined(out)


def scene(instances: int, method: str = "mice", side: int = 20, **settings: float) -> AttentionBias:
    """A bias above ``SHORT`` tokens: boxes, two references of the scene."""
    layout = job_layout(instances, (side, side), references=2)
    return BUILDERS[method](layout, job_masks(instances, (side, side)), **settings)


def rows_bias(rows: Tensor, counts: list[int]) -> AttentionBias:
    """A bias on ordinary keys: ``counts[i]`` queries have row i of (classes, keys)."""
    keys = rows.shape[1]
    return AttentionBias(
        rows=rows,
        columns=torch.zeros(1, 1),
        query_class=torch.arange(len(counts)).repeat_interleave(torch.tensor(counts)),
        key_group=torch.arange(keys),
        key_class=torch.zeros(keys, dtype=torch.int64),
        query_group=torch.zeros(sum(counts), dtype=torch.int64),
    )


def open_on(keys: int, *runs: Iterable[int]) -> Tensor:
    """One row for each run of open keys, the rest shut."""
    rows = torch.full((len(runs), keys), -math.inf)
    for row, run in zip(rows, runs, strict=True):
        row[list(run)] = 0.0
    return rows


class Spy:
    """A kernel that counts: heads, queries, keys and whether a mask came, of every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, int, bool]] = []
        self.masks: list[Tensor | None] = []

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        assert q.shape[1] == k.shape[1] == v.shape[1]
        self.calls.append((q.shape[1], q.shape[2], k.shape[2], mask is not None))
        self.masks.append(mask)
        return sdpa(q, k, v, mask)

    @property
    def pairs(self) -> int:
        """Query-key pairs, over all heads."""
        return sum(heads * queries * keys for heads, queries, keys, _ in self.calls)
