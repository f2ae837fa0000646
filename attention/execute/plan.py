"""Which queries attend to which keys together, so that a bias never becomes a Z x Z matrix."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from ..bias import AttentionBias

Picked = slice | Tensor

UNIFORM_ROWS = 192
"""Queries with one and the same row of the bias that are worth a kernel call of their own."""
TILE_SHARE = 0.038
TILE_BYTES = 6 << 20
"""A tile may hold this share of the dense bias, or this many bytes if that is more."""
PART_ROWS = {"cpu": 32}
"""A tile is filled this many queries at a time, so that what that takes is small beside it.
Elsewhere at once: accelerators have the memory, and each part costs them kernel launches."""
CALL_PAIRS = {"cpu": 1 << 14}
ACCELERATOR_CALL_PAIRS = 1 << 18
"""A kernel call of its own costs about as much as this many query-key pairs (estimated)."""
SPARE = 1.05
"""Share of pairs that may be computed in vain before a call is worth splitting."""
GATHER_ROWS = 64
"""Copying a key and its value costs as much as this many queries attending to it (measured)."""


@dataclass(frozen=True)
class Group:
    """Queries that attend to the same keys in one kernel call.

    Attributes:
        queries, keys: their places in the sequence; a run is a slice.
        parts: the queries' rows of the bias, some queries at a time: (c,) classes, and (n,) which
            of those each query has. One query stands for all if all share everything; empty if
            the bias is 0 on all of the group's keys.
        columns: (n,) query groups of the queries; one entry if all share everything.
        prompts: (p,) which of the keys belong to instance prompts.
    """

    queries: Picked
    keys: Picked
    parts: tuple[tuple[Tensor, Tensor], ...]
    columns: Tensor
    prompts: Tensor

    @property
    def is_open(self) -> bool:
        """True if the group needs no bias at all."""
        return not self.parts

    def tile(self, bias: AttentionBias) -> Tensor:
        """The group's part of the bias, (n, keys), or (1, keys) if all its queries share a row."""
        key_groups = bias.key_group[self.keys]
        prompt_classes = bias.key_class[self.keys][self.prompts]
        tile = bias.rows.new_empty(len(self.columns), len(key_groups))
        start = 0
        for rows, row_of in self.parts:
            part = slice(start, start + len(row_of))
            tile[part] = bias.rows[rows].index_select(1, key_groups).index_select(0, row_of)
            columns = bias.columns.index_select(1, self.columns[part])
            tile[part, self.prompts] = columns.index_select(0, prompt_classes).T
            start = part.stop
        return tile

    def to(self, device: torch.device) -> "Group":
        """The group with its indices on a device."""
        return Group(
            self.queries.to(device) if isinstance(self.queries, Tensor) else self.queries,
            self.keys.to(device) if isinstance(self.keys, Tensor) else self.keys,
            tuple((rows.to(device), row_of.to(device)) for rows, row_of in self.parts),
            self.columns.to(device),
            self.prompts.to(device),
        )


def plan_groups(
    bias: AttentionBias, queries: int, uniform_rows: int = UNIFORM_ROWS, tile_rows: int = 0
) -> tuple[Group, ...]:
    """Split the first ``queries`` of the sequence into groups; together they cover each once.

    Queries with the same row form a group of their own where they are many. All others are
    sorted so that neighbours see much the same, and cut into runs.

    Args:
        uniform_rows: how many "many" are.
        tile_rows: longest run; default ``tile_rows_for``.
    """
    device = bias.rows.device
    host = bias.to("cpu", bias.rows.dtype)
    kinds, kind_of, counts = _kinds_of_queries(host, queries)
    order = kind_of.argsort(stable=True)
    members = runs_of(order, cast(list[int], counts.tolist()))
    common = [m for m in members if len(m) >= uniform_rows]
    groups = [_make_group(host, m.sort().values, 1, shared=True) for m in common]
    rare = [kind for kind, m in enumerate(members) if len(m) < uniform_rows]
    part = PART_ROWS.get(device.type, queries)
    length = tile_rows or tile_rows_for(bias.queries, bias.keys, bias.rows.element_size())
    call_pairs = CALL_PAIRS.get(device.type, ACCELERATOR_CALL_PAIRS)
    for alike in _seeing_alike(host, kinds[rare], counts[rare], call_pairs):
        together = torch.cat([members[rare[i]] for i in alike])
        groups += [
            _make_group(host, run.sort().values, part, shared=False)
            for run in runs_of(together, length)
        ]
    return tuple(group.to(device) for group in groups)


def runs_of(places: Tensor, lengths: int | list[int]) -> tuple[Tensor, ...]:
    """Consecutive parts of these lengths."""
    return torch.split(places, lengths)


def tile_rows_for(queries: int, keys: int, itemsize: int) -> int:
    """Queries whose rows of the bias are held at once: ``TILE_SHARE`` or ``TILE_BYTES``."""
    return max(int(TILE_SHARE * queries), TILE_BYTES // (keys * itemsize), 1)


def _kinds_of_queries(bias: AttentionBias, queries: int) -> tuple[Tensor, Tensor, Tensor]:
    """Queries that share row and column are of one kind.

    Returns:
        (kinds, 2) its class and one query group of it, (queries,) kind of each, (kinds,) sizes.
    """
    _, alike = cast(tuple[Tensor, Tensor], torch.unique(bias.columns, dim=1, return_inverse=True))
    groups = bias.query_group[:queries]
    first = torch.empty(int(alike.max()) + 1, dtype=torch.int64)
    first[alike] = torch.arange(len(alike))
    pairs = torch.stack([bias.query_class[:queries], first[alike[groups]]], dim=1)
    return cast(
        tuple[Tensor, Tensor, Tensor],
        torch.unique(pairs, dim=0, return_inverse=True, return_counts=True),
    )


def _seeing_alike(
    bias: AttentionBias, kinds: Tensor, counts: Tensor, call_pairs: int
) -> list[list[int]]:
    """Kinds in runs whose queries together compute little more than each kind by itself.

    Args:
        kinds, counts: (k, 2) and (k,) as from ``_kinds_of_queries``.
        call_pairs: query-key pairs that a run of its own costs.
    """
    by_class, by_column = bias.rows.isfinite(), bias.columns.isfinite()
    seen_keys = _visible_keys(bias, kinds)
    sizes = cast(list[int], counts.tolist())
    places = cast(list[list[int]], kinds.tolist())
    runs: list[list[int]] = []
    union = torch.zeros(bias.keys, dtype=torch.bool)
    size = pairs = 0
    for i in sorted(range(len(kinds)), key=lambda i: (16 * seen_keys[i] // bias.keys, places[i])):
        row, column = places[i]
        seen = by_class[row][bias.key_group] & by_column[:, column][bias.key_class]
        joint = seen | union
        own = sizes[i] * seen_keys[i]
        together = (size + sizes[i]) * int(joint.sum())
        if runs and together <= SPARE * (pairs + own) + call_pairs:
            runs[-1].append(i)
            union, size, pairs = joint, size + sizes[i], pairs + own
        else:
            runs.append([i])
            union, size, pairs = seen, sizes[i], own
    return runs


def _visible_keys(bias: AttentionBias, kinds: Tensor) -> list[int]:
    """Number of keys that are not shut, per kind."""
    prompt = bias.key_class > 0
    sizes = torch.bincount(bias.key_group[~prompt], minlength=bias.rows.shape[1]).float()
    lengths = torch.bincount(bias.key_class[prompt], minlength=bias.columns.shape[0]).float()
    by_class = bias.rows.isfinite().float() @ sizes
    by_column = lengths @ bias.columns.isfinite().float()
    return cast(list[int], (by_class[kinds[:, 0]] + by_column[kinds[:, 1]]).long().tolist())


def _make_group(bias: AttentionBias, queries: Tensor, part_rows: int, shared: bool) -> Group:
    """The group of these queries; ``shared`` if all have the same row of the bias."""
    sources = queries[:1] if shared else queries
    classes, columns = bias.query_class[sources], bias.query_group[sources]
    parts = tuple(
        cast(tuple[Tensor, Tensor], torch.unique(part, return_inverse=True))
        for part in runs_of(classes, part_rows)
    )
    by_group = bias.rows[classes.unique()].isfinite().any(0)[bias.key_group]
    by_prompt = bias.columns[:, columns].isfinite().any(1)[bias.key_class]
    visible = (by_group & by_prompt).nonzero()[:, 0]
    keys = torch.arange(int(visible[0]), int(visible[-1]) + 1)
    open_row = shared and not bool(
        (bias.rows[classes[0]][bias.key_group] + bias.columns[:, columns[0]][bias.key_class])[
            visible
        ].any()
    )
    saved = len(queries) * (len(keys) - len(visible))
    bonus = len(queries) * len(visible) // 4 if open_row and len(keys) > len(visible) else 0
    if saved + bonus > GATHER_ROWS * len(visible):
        keys = visible
    if open_row and len(keys) == len(visible):
        parts = ()
    return Group(
        as_slice(queries),
        as_slice(keys),
        parts,
        columns,
        (bias.key_class[keys] > 0).nonzero()[:, 0],
    )


def as_slice(places: Tensor) -> Picked:
    """A run of places as a slice, which is a view and no copy; else the places themselves."""
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first + 1 == len(places) else places
