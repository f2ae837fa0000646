"""Keys that nearly all queries see alike are attended to in one call without a mask.

A bias is often constant but for few keys: 0 for the background, MICE's floor for an instance far
from its mask. With ``c`` the constant of a query and S the shared keys,

    sum over all keys of exp(l + b)  =  exp(c) * sum over S of exp(l)  +  sum of exp(l + b'),
    exp(b') = exp(b) - exp(c) in S,  exp(b) elsewhere,

and the same with values: two attentions, whose results are weighed by their sums. All terms are
positive, so nothing cancels. ``b'`` is shut on all keys whose bias is the constant, and what is
left of it is computed like any other bias, on the few keys that it opens.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from ..bias import AttentionBias
from .batches import PACK_ROWS, Picked, QueryBatch, as_slice, size
from .views import View, find_views

BLEND_KEYS = 220
"""Weighing two results costs a query as much as this many keys (measured on a CPU with AMX)."""
OWN_CALL = 192
"""So many queries that see alike have a call of their own; fewer share one."""
TILE_COST = 1.3
"""What a pair costs where every query has a row of the bias of its own (measured)."""
OTHERS = 2
"""Key groups from here on are single tokens of the image; see ``AttentionBias``."""


@dataclass(frozen=True)
class SharedKeys:
    """A bias as a constant on shared keys, and what is left of it.

    Attributes:
        keys: places of the shared keys.
        level: (queries,) float32, the constant of each; -inf for one that does without it.
        rest: b', of all queries, float32.
        order: (queries,) int64, the order in which the queries are attended.
        batches: of the rest; their queries are runs of that order.
    """

    keys: Picked
    level: Tensor
    rest: AttentionBias
    order: Tensor
    batches: tuple[QueryBatch, ...] = ()

    @cached_property
    def levels(self) -> Tensor:
        """``level`` in the order in which the queries are attended."""
        return self.level[self.order]

    @cached_property
    def queries(self) -> Picked:
        """Which queries, in that order, attend to the shared keys."""
        return as_slice(self.levels.isfinite().nonzero()[:, 0])

    @cached_property
    def ranks(self) -> Tensor:
        """(queries,) int64, where in that order each query comes."""
        return self.order.argsort()

    def to(self, device: torch.device) -> "SharedKeys":
        """The same with its tables and indices on a device."""
        keys = self.keys.to(device) if isinstance(self.keys, Tensor) else self.keys
        tables = self.level.to(device), self.rest.to(device), self.order.to(device)
        return SharedKeys(keys, *tables, tuple(batch.to(device) for batch in self.batches))


def find_shared(bias: AttentionBias) -> SharedKeys | None:
    """The keys that most queries see with a constant; None if there are none worth a call.

    Args:
        bias: on the CPU.
    """
    counts = torch.bincount(bias.query_class, minlength=len(bias.rows))
    rows = bias.rows.to("cpu", torch.float64)
    image = bias.key_group >= OTHERS
    seen = 2 * (counts @ rows.isfinite().long()) > counts.sum()
    shared = image & seen[bias.key_group]
    if not bool(shared.any()):
        return None
    groups = torch.arange(rows.shape[1])[OTHERS:][seen[OTHERS:]]
    level = rows[:, groups].amin(1)
    constant = shared & (rows[:, bias.key_group] == level[:, None])
    level[~worth_joining(find_views(bias, bias.queries), constant.sum(1), bias.keys)] = -math.inf
    joined = level.isfinite()
    if not bool(joined.any()):
        return None
    further_rows = rows.clone()
    above = rows[:, groups] - level[:, None]
    left = rows[:, groups] + torch.log1p(-torch.exp(-above))
    further_rows[:, groups] = torch.where(joined[:, None], left, rows[:, groups])
    rest = replace(bias, rows=further_rows.float(), columns=bias.columns.float())
    places = shared.nonzero()[:, 0]
    order = torch.arange(bias.queries)
    return SharedKeys(as_slice(places), level.float()[bias.query_class], rest, order)


def with_batches(shared: SharedKeys, batches: Sequence[QueryBatch]) -> SharedKeys:
    """The same with these batches of the rest, its queries in an order that makes each a run.

    Those that attend to the shared keys come first, so that as a rule they are a run as well.
    """
    joined = shared.level.isfinite()
    batches = sorted(batches, key=lambda batch: -float(joined[batch.queries].float().mean()))
    runs = [torch.arange(len(joined))[batch.queries] for batch in batches]
    alone = torch.ones_like(joined)
    for run in runs:
        alone[run] = False
    first, last = (alone & joined).nonzero()[:, 0], (alone & ~joined).nonzero()[:, 0]
    ends = list(accumulate(map(len, runs), initial=len(first)))
    own = tuple(
        replace(batch, queries=slice(start, end))
        for batch, (start, end) in zip(batches, pairwise(ends), strict=True)
    )
    return replace(shared, order=torch.cat([first, *runs, last]), batches=own)


def worth_joining(views: Sequence[View], constant: Tensor, keys: int) -> Tensor:
    """(classes,) bool: whether the further keys of a class cost less than calls of its own.

    Args:
        views: of all queries.
        constant: (classes,) how many shared keys a class sees with its constant.
        keys: of the bias.
    """
    gain = torch.zeros(len(constant))
    for view in views:
        rows = len(view.queries)
        further = view.keys - int(constant[view.row]) + BLEND_KEYS
        gain[view.row] += PACK_ROWS * keys * min(1.0, rows / OWN_CALL) - rows * further
    return gain > 0


def shared_cost(shared: SharedKeys) -> float:
    """What it costs in query-key pairs."""
    blended = sum(size(batch.queries) for batch in shared.batches)
    common = size(shared.keys) * (size(shared.queries) + PACK_ROWS)
    return common + BLEND_KEYS * blended + batches_cost(shared.batches)


def batches_cost(batches: Sequence[QueryBatch]) -> float:
    """What batches cost, in query-key pairs."""
    return sum(
        size(batch.keys) * (size(batch.queries) * pair_cost(batch) + PACK_ROWS) for batch in batches
    )


def pair_cost(batch: QueryBatch) -> float:
    """What a pair of a batch costs."""
    return TILE_COST if len(batch.columns) > 1 else 1.0
