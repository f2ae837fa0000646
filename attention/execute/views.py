"""Which queries of a bias see the same, and which see much the same."""

from typing import NamedTuple, cast

import torch
from torch import Tensor

from ..bias import AttentionBias

SPARE = 1.05
"""Share of pairs that may be computed in vain before a call is worth splitting."""
SHARES = 16
"""Views are sorted by how many sixteenths of the keys they see, so that neighbours see alike."""


class View(NamedTuple):
    """Queries that see the same of every key.

    Attributes:
        row: their class, the row of the bias's ``rows``.
        column: a query group of theirs, the column of the bias's ``columns``.
        keys: how many keys they may see.
        queries: (n,) int64 their places, rising.
    """

    row: int
    column: int
    keys: int
    queries: Tensor


def find_views(bias: AttentionBias, queries: int) -> list[View]:
    """The first ``queries`` of a bias on the CPU, sorted into views."""
    _, alike = cast(tuple[Tensor, Tensor], torch.unique(bias.columns, dim=1, return_inverse=True))
    groups = bias.query_group[:queries]
    first = torch.empty(int(alike.max()) + 1, dtype=torch.int64)
    first[alike] = torch.arange(len(alike))
    pairs = torch.stack([bias.query_class[:queries], first[alike[groups]]], dim=1)
    looks, look_of, counts = cast(
        tuple[Tensor, Tensor, Tensor],
        torch.unique(pairs, dim=0, return_inverse=True, return_counts=True),
    )
    order = look_of.argsort(stable=True)
    members = torch.split(order, cast(list[int], counts.tolist()))
    by_class, by_group = visible_keys(bias)
    seen = cast(list[int], (by_class[looks[:, 0]] + by_group[looks[:, 1]]).long().tolist())
    rows = cast(list[tuple[int, int]], looks.tolist())
    return [
        View(row, column, keys, own)
        for (row, column), keys, own in zip(rows, seen, members, strict=True)
    ]


def visible_keys(bias: AttentionBias) -> tuple[Tensor, Tensor]:
    """How many keys are not shut: (classes,) of the image and the global prompt, and
    (query groups,) of the instances' prompts; float32."""
    prompt = bias.key_class > 0
    sizes = torch.bincount(bias.key_group[~prompt], minlength=bias.rows.shape[1]).float()
    lengths = torch.bincount(bias.key_class[prompt], minlength=bias.columns.shape[0]).float()
    return bias.rows.isfinite().float() @ sizes, lengths @ bias.columns.isfinite().float()


def seeing_alike(bias: AttentionBias, views: list[View], call_pairs: int) -> list[list[View]]:
    """Views in runs whose queries together compute little more than each view by itself.

    Args:
        call_pairs: query-key pairs that a run of its own costs.
    """
    by_class, by_column = bias.rows.isfinite(), bias.columns.isfinite()
    runs: list[list[View]] = []
    union = torch.zeros(bias.keys, dtype=torch.bool)
    size = pairs = 0
    for view in sorted(views, key=lambda v: (SHARES * v.keys // bias.keys, v.row, v.column)):
        seen = by_class[view.row][bias.key_group] & by_column[:, view.column][bias.key_class]
        joint, own = seen | union, len(view.queries) * view.keys
        together = (size + len(view.queries)) * int(joint.sum())
        if runs and together <= SPARE * (pairs + own) + call_pairs:
            runs[-1].append(view)
            union, size, pairs = joint, size + len(view.queries), pairs + own
        else:
            runs.append([view])
            union, size, pairs = seen, len(view.queries), own
    return runs
