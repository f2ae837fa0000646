"""Which queries attend to which keys together, so that a bias never becomes a Z x Z matrix."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property

import torch
from torch import Tensor

from ..bias import AttentionBias
from .batches import PACK_ROWS, QueryBatch, make_batch
from .costs import REST, DeviceCosts, device_costs
from .faint import Faint, find_faint
from .shared import (
    TILE_COST,
    SharedKeys,
    batches_cost,
    find_shared,
    shared_cost,
    with_batches,
)
from .views import View, find_views, seeing_alike, visible_keys

UNIFORM_ROWS = 192
"""Queries with one and the same row of the bias that are worth a kernel call of their own."""
TILE_SHARE = 0.038
TILE_BYTES = 6 << 20
"""A tile may hold this share of the dense bias, or this many bytes if that is more. The project
allows 5 % of the dense bias for all that attention takes; the rest of it is for the copies of
queries, keys and results, and for filling the tile (measured: 3.7 % in all at N = 20)."""


Decide = Callable[[Faint, Tensor, Tensor], bool]


class BiasPlan:
    """A bias and how it is computed: worked out when it is first asked for, and kept.

    Keep the plan where the bias is kept. What was worked out in inference mode serves training.

    Attributes:
        bias: on the device where it is used.
        costs: of that device.
        keep_faint: faint keys are keys like any others.
    """

    def __init__(
        self, bias: AttentionBias, costs: DeviceCosts | None = None, keep_faint: bool = False
    ) -> None:
        self.bias = bias
        self.keep_faint = keep_faint
        self.costs = costs or device_costs(bias.rows.device.type)
        self._batches: dict[int, tuple[QueryBatch, ...]] = {}
        self._shared: dict[int, SharedKeys | None] = {}

    @torch.inference_mode(False)
    def batches(self, queries: int) -> tuple[QueryBatch, ...]:
        """The first ``queries`` of the bias's queries in batches; see ``plan_batches``."""
        if queries not in self._batches:
            self._batches[queries] = plan_batches(self.bias, queries, self.costs)
        return self._batches[queries]

    @torch.inference_mode(False)
    def shared(self, queries: int) -> SharedKeys | None:
        """The first queries with one call for the keys that most of them see alike.

        None where that is not worth it.
        """
        if queries not in self._shared:
            limit = min(batches_cost(self.batches(queries)), self.whole_cost(queries))
            self._shared[queries] = plan_shared(self.bias, queries, limit)
        return self._shared[queries]

    def is_whole(self, queries: int) -> bool:
        """True if one call with the whole bias costs less than batches of the first queries."""
        cost = self.whole_cost(queries)
        return cost < math.inf and cost < batches_cost(self.batches(queries))

    def whole_cost(self, queries: int) -> float:
        """What such a call costs in query-key pairs; infinite where it is out of the question.

        That is in long sequences, for the matrix, and without faint keys: under a bias that only
        shuts, instances are apart to the last bit, which a sum over all keys does not keep.
        """
        if not self.keep_faint or self.bias.keys > self.costs.whole_tokens:
            return math.inf
        return self.bias.keys * (TILE_COST * queries + PACK_ROWS)

    @cached_property
    @torch.inference_mode(False)
    def faint(self) -> Faint | None:
        """What shows whether the bias's faint keys may be left out; see ``find_faint``."""
        return None if self.keep_faint else find_faint(self.bias)

    @cached_property
    def without_faint(self) -> "BiasPlan":
        """The plan of the bias whose faint keys are shut; itself if it has none."""
        return self if self.faint is None else BiasPlan(self.faint.shut, self.costs)

    @cached_property
    def with_faint(self) -> "BiasPlan":
        """The plan that computes its faint keys like any others, unproven; itself if none."""
        return self if self.faint is None else BiasPlan(self.bias, self.costs, keep_faint=True)

    def decided(self, q: Tensor, k: Tensor, decide: Decide) -> "BiasPlan":
        """The plan by which these queries and keys are attended.

        Args:
            q, k: as for ``attend``.
            decide: whether the faint keys may be left out; not asked if there are none.
        """
        if self.faint is None:
            return self
        return self.without_faint if decide(self.faint, q, k) else self.with_faint

    @cached_property
    @torch.inference_mode(False)
    def whole(self) -> Tensor:
        """The bias of all queries, see ``filled``; kept, so for a short bias."""
        return self.filled(self.bias.queries)

    def filled(self, queries: int) -> Tensor:
        """The bias of the first queries as a matrix, (queries, keys); 0 for a blind one, as a
        softmax over nothing is not a number."""
        tile = self.bias.tile(slice(0, queries))
        return tile if self.blind is None else tile.masked_fill_(self.blind[:queries, None], 0.0)

    @cached_property
    @torch.inference_mode(False)
    def blind(self) -> Tensor | None:
        """(queries,) bool, the queries that see no key at all; None if every query sees one."""
        by_class, by_group = visible_keys(self.bias)
        seen = by_class[self.bias.query_class] + by_group[self.bias.query_group]
        return seen == 0 if bool((seen == 0).any()) else None


def plan_batches(
    bias: AttentionBias,
    queries: int,
    costs: DeviceCosts,
    *,
    uniform_rows: int = UNIFORM_ROWS,
    tile_rows: int | None = None,
    tile_bytes: int | None = None,
) -> tuple[QueryBatch, ...]:
    """The first ``queries`` of the bias in batches that cover each once, but for blind ones.

    Queries with the same view form a batch of their own where they are many. All others are sorted
    so that neighbours see much the same, and cut into runs.

    Args:
        uniform_rows: how many "many" are.
        tile_rows: longest run; default ``tile_rows_for``.
        tile_bytes: largest tile instead, where most queries see few keys.
    """
    host = bias.to("cpu", bias.rows.dtype)
    views = [view for view in find_views(host, queries) if view.keys]
    batches = [
        make_batch(host, view.queries, shared=True, multiple=costs.key_multiple)
        for view in views
        if len(view.queries) >= uniform_rows
    ]
    rare = [view for view in views if len(view.queries) < uniform_rows]
    length = tile_rows or tile_rows_for(bias.queries, bias.keys, bias.rows.element_size())
    for alike in seeing_alike(host, rare, costs.call_pairs):
        together = torch.cat([view.queries for view in alike])
        if tile_bytes is not None:
            length = tile_bytes // (host.rows.element_size() * _keys_seen(host, alike))
        batches += [
            make_batch(
                host,
                run.sort().values,
                part_pairs=costs.part_pairs,
                multiple=costs.key_multiple,
            )
            for run in torch.split(together, max(1, length))
        ]
    return tuple(batch.to(bias.rows.device) for batch in batches)


def _keys_seen(bias: AttentionBias, views: Sequence[View]) -> int:
    """How many keys any of these views sees."""
    classes, columns = zip(*((view.row, view.column) for view in views), strict=True)
    by_group = bias.rows[list(classes)].isfinite().any(0)[bias.key_group]
    by_prompt = bias.columns[:, list(columns)].isfinite().any(1)[bias.key_class]
    return int((by_group & by_prompt).sum())


def plan_shared(bias: AttentionBias, queries: int, limit: float) -> SharedKeys | None:
    """``find_shared`` with its batches, if it costs at most so many query-key pairs."""
    every = torch.arange(bias.keys)
    host = bias.to("cpu", bias.rows.dtype).rectangle(torch.arange(queries), every)
    shared = find_shared(host)
    if shared is None:
        return None
    allowed = tile_bytes_for(bias.queries, bias.keys, bias.rows.element_size())
    own = plan_batches(shared.rest, queries, REST, tile_bytes=allowed // 2)
    shared = with_batches(shared, own)
    if shared_cost(shared) > limit:
        return None
    return shared.to(bias.rows.device)


def tile_rows_for(queries: int, keys: int, itemsize: int) -> int:
    """Queries whose whole rows of the bias are held at once."""
    return max(1, tile_bytes_for(queries, keys, itemsize) // (keys * itemsize))


def tile_bytes_for(queries: int, keys: int, itemsize: int) -> int:
    """Bytes of the bias that are held at once: ``TILE_SHARE`` or ``TILE_BYTES``."""
    return max(int(TILE_SHARE * queries) * keys * itemsize, TILE_BYTES)
