"""Queries that attend together: which they are, which keys they see, and their part of the bias."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from ..bias import AttentionBias

Picked = slice | Tensor

PACK_ROWS = 160
"""A call costs as much as this many further queries (measured: the kernel packs all keys)."""
GATHER_ROWS = 64
"""Copying a key and its value costs as much as this many queries attending to it (measured)."""
UNMASKED_GAIN = 0.25
"""A call that needs no mask saves the time of about this share of its pairs (estimated)."""


@dataclass(frozen=True)
class QueryBatch:
    """Queries that attend to the same keys in one kernel call.

    Attributes:
        queries, keys: their places in the sequence; a run is a slice.
        parts: the queries' rows of the bias, some queries at a time: (c,) classes, and (n,) which
            of those each query has. One query stands for all if all share everything; empty if
            the bias is 0 on all of the batch's keys.
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
        """True if the batch needs no bias at all."""
        return not self.parts

    def tile(self, bias: AttentionBias) -> Tensor:
        """The batch's part of the bias, (n, keys), or (1, keys) if all its queries share a row."""
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

    def to(self, device: torch.device) -> "QueryBatch":
        """The batch with its indices on a device."""
        return QueryBatch(
            self.queries.to(device) if isinstance(self.queries, Tensor) else self.queries,
            self.keys.to(device) if isinstance(self.keys, Tensor) else self.keys,
            tuple((rows.to(device), row_of.to(device)) for rows, row_of in self.parts),
            self.columns.to(device),
            self.prompts.to(device),
        )


def make_batch(
    bias: AttentionBias,
    queries: Tensor,
    *,
    part_pairs: int | None = None,
    shared: bool = False,
    multiple: int = 1,
) -> QueryBatch:
    """The batch of these queries, each of which sees some key.

    Args:
        queries: (n,) int64, rising.
        part_pairs: how many pairs are filled in at a time; None for all.
        shared: all have the same row of the bias.
        multiple: so many keys it has, or a multiple; shut ones are added, if there are enough.
    """
    sources = queries[:1] if shared else queries
    classes, columns = bias.query_class[sources], bias.query_group[sources]
    visible = _visible_places(bias, classes, columns)
    keys = torch.arange(int(visible[0]), int(visible[-1]) + 1)
    open_row = shared and not bool(
        (bias.rows[classes[0]][bias.key_group] + bias.columns[:, columns[0]][bias.key_class])[
            visible
        ].any()
    )
    if _worth_gathering(len(queries), len(keys), len(visible), open_row):
        keys = visible
    keys = _filled_up(keys, visible, bias.keys, multiple)
    parts: tuple[tuple[Tensor, Tensor], ...] = ()
    if not open_row or len(keys) > len(visible):
        rows = max(1, part_pairs // len(keys)) if part_pairs else len(classes)
        parts = tuple(
            cast(tuple[Tensor, Tensor], torch.unique(part, return_inverse=True))
            for part in torch.split(classes, rows)
        )
    prompts = (bias.key_class[keys] > 0).nonzero()[:, 0]
    return QueryBatch(as_slice(queries), as_slice(keys), parts, columns, prompts)


def _visible_places(bias: AttentionBias, classes: Tensor, columns: Tensor) -> Tensor:
    """Places of the keys that some query of these classes and query groups may see."""
    by_group = bias.rows[classes.unique()].isfinite().any(0)[bias.key_group]
    by_prompt = bias.columns[:, columns].isfinite().any(1)[bias.key_class]
    return (by_group & by_prompt).nonzero()[:, 0]


def _filled_up(keys: Tensor, visible: Tensor, total: int, multiple: int) -> Tensor:
    """The keys and as many shut ones as a multiple lacks, if there are so many: of a run those
    beside it, so that it stays one."""
    missing = -len(keys) % multiple
    if not missing:
        return keys
    if isinstance(as_slice(keys), slice):
        last = min(int(keys[-1]) + 1 + missing, total)
        return torch.arange(max(0, last - len(keys) - missing), last)
    shut = torch.ones(total, dtype=torch.bool).index_fill_(0, visible, False).nonzero()[:, 0]
    return torch.cat([keys, shut[:missing]]).sort().values


def _worth_gathering(queries: int, span: int, visible: int, open_row: bool) -> bool:
    """True if copying the visible keys together saves more than it costs.

    Args:
        span: keys from the first visible one to the last.
        open_row: the bias is 0 on every visible key, so that without the others no mask is needed.
    """
    saved = (queries + PACK_ROWS) * (span - visible)
    if open_row and span > visible:
        saved += int(UNMASKED_GAIN * queries * visible)
    return saved > GATHER_ROWS * visible


def as_slice(places: Tensor) -> Picked:
    """A run of places as a slice, which is a view and no copy; else the places themselves."""
    first, last = int(places[0]), int(places[-1])
    return slice(first, last + 1) if last - first + 1 == len(places) else places


def size(places: Picked) -> int:
    """How many places."""
    return places.stop - places.start if isinstance(places, slice) else len(places)
