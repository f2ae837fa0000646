"""How a bias is cut into batches of queries: what they cover, compute and hold."""

import math
from collections import Counter
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import AttentionBias, TokenLayout, mice_bias
from instance_edit.attention.execute.batches import Picked, QueryBatch, make_batch
from instance_edit.attention.execute.costs import ACCELERATOR, CPU, REST, DeviceCosts
from instance_edit.attention.execute.plan import BiasPlan, plan_batches, tile_rows_for
from instance_edit.attention.execute.views import find_views, seeing_alike
from instance_edit.benchmarks.speed.jobs import job_layout, job_masks
from instance_edit.tests.attending import BUILDERS, open_on, rows_bias, scene
from instance_edit.tests.bias_cases import bias_cases

Case = tuple[TokenLayout, torch.Tensor, list[torch.Tensor], tuple[int | None, ...]]


def covered(places: Picked, total: int) -> list[int]:
    return torch.arange(total)[places].tolist()


@settings(max_examples=60, deadline=None)
@given(
    bias_cases(), st.sampled_from(sorted(BUILDERS)), st.integers(1, 6), st.integers(1, 9), st.data()
)
def test_batches_cover_every_query_once_and_leave_out_shut_keys_only(
    case: Case, method: str, uniform_rows: int, tile_rows: int, data: st.DataObject
) -> None:
    layout, masks, references, owners = case
    bias = BUILDERS[method](layout, masks, reference_masks=references, reference_owners=owners)
    queries = data.draw(st.integers(1, bias.queries))
    costs = data.draw(st.sampled_from([CPU, REST, ACCELERATOR]))
    batches = plan_batches(bias, queries, costs, uniform_rows=uniform_rows, tile_rows=tile_rows)
    places = [place for batch in batches for place in covered(batch.queries, queries)]
    assert sorted(places) == list(range(queries))
    dense = bias.dense()
    for batch in batches:
        check_batch(bias, batch, dense)


def check_batch(bias: AttentionBias, batch: QueryBatch, dense: torch.Tensor) -> None:
    part = dense[torch.arange(bias.queries)[batch.queries]]
    left_out = torch.ones(bias.keys, dtype=torch.bool)
    left_out[batch.keys] = False
    assert bool((part[:, left_out] == -math.inf).all())
    kept = part[:, torch.arange(bias.keys)[batch.keys]]
    if batch.is_open:
        assert not bool(kept.any())
    else:
        assert torch.equal(batch.tile(bias).expand_as(kept), kept)


@settings(max_examples=30, deadline=None)
@given(bias_cases(), st.sampled_from(sorted(BUILDERS)))
def test_a_view_is_queries_with_one_row_of_the_bias_and_counts_its_visible_keys(
    case: Case, method: str
) -> None:
    layout, masks, references, owners = case
    bias = BUILDERS[method](layout, masks, reference_masks=references, reference_owners=owners)
    dense, views = bias.dense(), find_views(bias, bias.queries)
    assert torch.equal(
        torch.cat([v.queries for v in views]).sort().values, torch.arange(len(dense))
    )
    for view in views:
        rows = dense[view.queries]
        assert bool((rows == rows[:1]).all())
        assert view.keys == int(rows[0].isfinite().sum())
        assert bool((view.queries.diff() > 0).all())


def test_a_plan_is_worked_out_once_and_kept() -> None:
    plan = BiasPlan(scene(3))
    assert plan.batches(700) is plan.batches(700)
    assert plan.batches(700) is not plan.batches(701)
    assert plan.faint is plan.faint is not None
    assert plan.without_faint is plan.without_faint
    assert plan.without_faint.bias is plan.faint.shut


def test_a_plan_without_faint_keys_is_its_own_plan_without_them() -> None:
    plan = BiasPlan(scene(3, "dis"))
    assert plan.faint is None
    assert plan.without_faint is plan


@pytest.mark.parametrize("instances", [3, 8, 40, 285])
def test_no_tile_is_a_twentieth_of_the_dense_bias_at_1024_pixels(instances: int) -> None:
    layout = job_layout(instances, (64, 64))
    bias = mice_bias(layout, job_masks(instances, (64, 64))).to("cpu", torch.bfloat16)
    tiles = [b.tile(bias) for b in BiasPlan(bias).batches(bias.queries) if not b.is_open]
    assert max(tile.untyped_storage().nbytes() for tile in tiles) < 0.05 * 2 * bias.keys**2


@pytest.mark.parametrize(("pairs", "parts"), [(None, 1), (10_000, 1), (2_500, 4), (1, 100)])
def test_a_tile_is_filled_so_many_pairs_at_a_time_and_one_query_at_least(
    pairs: int | None, parts: int
) -> None:
    bias = rows_bias(torch.arange(100.0).expand(100, 100).contiguous(), [1] * 100)
    batch = make_batch(bias, torch.arange(100), part_pairs=pairs)
    assert len(batch.parts) == parts
    assert torch.equal(batch.tile(bias), bias.dense())


@pytest.mark.parametrize(
    ("seen", "added"),
    [
        (range(100), range(100, 112)),
        (range(290, 300), range(284, 290)),
        ([*range(5), *range(100, 300, 10)], range(5, 12)),
        (range(300), []),
    ],
)
def test_keys_are_filled_up_to_a_multiple_with_shut_ones(
    seen: Sequence[int], added: Sequence[int]
) -> None:
    """A run with those beside it; where there are too few, with none."""
    row = torch.full((300,), -math.inf)
    row[list(seen)] = -1.0
    bias = rows_bias(row[None], [5000])
    batch = make_batch(bias, torch.arange(5000), shared=True, multiple=16)
    assert covered(batch.keys, 300) == sorted([*seen, *added])
    assert torch.equal(batch.tile(bias)[0], row[batch.keys])


def test_a_tile_holds_38_thousandths_of_the_dense_bias_or_six_mebibytes() -> None:
    assert tile_rows_for(50_000, 50_000, 2) == 1900
    assert tile_rows_for(8192, 8192, 2) == 384  # 6 MiB / (8192 * 2)
    assert tile_rows_for(8192, 8192, 4) == 311
    assert tile_rows_for(100, 50_000, 2) == 62
    assert tile_rows_for(10, 10_000_000, 4) == 1


def computed_share(method: str, instances: int) -> tuple[float, float]:
    """Shares of all query-key pairs that are computed, and that may be seen."""
    layout = TokenLayout((20, *[20] * instances), (64, 64), ((64, 64),))
    bias = BUILDERS[method](layout, job_masks(instances, (64, 64))).to("cpu", torch.bfloat16)
    place = torch.arange(bias.keys)
    batches = BiasPlan(bias).batches(bias.queries)
    pairs = [len(place[b.queries]) * len(place[b.keys]) for b in batches]
    visible = sum(
        int(bias.tile(some).isfinite().sum()) for some in torch.arange(bias.queries).split(64)[::9]
    )
    sampled = sum(len(some) for some in torch.arange(bias.queries).split(64)[::9])
    return sum(pairs) / bias.keys**2, visible / (sampled * bias.keys)


@pytest.mark.parametrize("method", sorted(BUILDERS))
def test_at_285_instances_most_shut_pairs_are_not_paid_for(method: str) -> None:
    computed, visible = computed_share(method, 285)
    assert visible <= computed < visible + 0.25 * (1 - visible)


def cuts(bias: AttentionBias, plan: BiasPlan) -> list[tuple[int, int, str]]:
    """(queries, keys, "open", "one row" or "tile") of every batch, largest first."""
    place = torch.arange(bias.keys)
    found = []
    for batch in plan.batches(bias.queries):
        kind = "open" if batch.is_open else "one row" if len(batch.columns) == 1 else "tile"
        found.append((len(place[batch.queries]), len(place[batch.keys]), kind))
    return sorted(found, reverse=True)


def picture(method: str, instances: int = 8) -> AttentionBias:
    layout = job_layout(instances, (64, 64))
    return BUILDERS[method](layout, job_masks(instances, (64, 64))).to("cpu", torch.bfloat16)


@pytest.mark.parametrize(
    "method, instances, costs, wanted",
    [
        ("mice", 8, CPU, {"open": 2, "one row": 16, "tile": 2}),
        ("mice", 40, CPU, {"open": 1, "one row": 1, "tile": 16}),
        ("dis", 40, CPU, {"open": 1, "tile": 40}),
        ("dis", 40, ACCELERATOR, {"open": 1, "tile": 17}),
        ("har", 8, CPU, {"open": 9, "tile": 4}),
        ("har", 8, ACCELERATOR, {"open": 9, "tile": 2}),
        ("har", 40, CPU, {"open": 1, "tile": 22}),
        ("har", 40, ACCELERATOR, {"open": 1, "tile": 15}),
    ],
)
def test_the_cuts_at_1024_pixels_are_those_that_the_benchmarks_measured(
    method: str, instances: int, costs: DeviceCosts, wanted: dict[str, int]
) -> None:
    bias = picture(method, instances)
    found = Counter(kind for *_, kind in cuts(bias, BiasPlan(bias, costs)))
    assert found == wanted


def test_192_queries_with_one_view_are_worth_a_call_of_their_own() -> None:
    rows = open_on(1000, range(0, 600), range(0, 601))
    for counts, together in (
        ([191, 191], [382]),
        ([192, 191], [192, 191]),
        ([192, 192], [192, 192]),
    ):
        bias = rows_bias(rows, counts)
        sizes = [n for n, _, _ in cuts(bias, BiasPlan(bias))]
        assert sizes == together


def test_views_share_a_call_where_that_costs_5_percent_or_less_beside_the_call_saved() -> None:
    """100 queries on keys 0 to 99 and 100 on 50 to 149: 30,000 pairs together, 20,000 apart."""
    bias = rows_bias(open_on(200, range(0, 100), range(50, 150)), [100, 100])
    views = find_views(bias, bias.queries)
    assert [len(run) for run in seeing_alike(bias, views, 9000)] == [2]
    assert [len(run) for run in seeing_alike(bias, views, 8999)] == [1, 1]


def test_a_run_of_views_counts_the_keys_of_all_its_views() -> None:
    """Each joins the one before it alone, but the three together would compute far too much."""
    runs = (range(0, 100), range(60, 160), range(120, 220))
    bias = rows_bias(open_on(300, *runs), [100, 100, 100])
    views = find_views(bias, bias.queries)
    assert [len(run) for run in seeing_alike(bias, views[:2], 11_000)] == [2]
    assert [len(run) for run in seeing_alike(bias, views[1:], 11_000)] == [2]
    assert [len(run) for run in seeing_alike(bias, views, 11_000)] == [2, 1]


def test_views_are_compared_with_those_that_see_as_many_sixteenths_of_the_keys() -> None:
    """Of 160 keys the second sees 3 sixteenths and the others 2, so that it comes last."""
    bias = rows_bias(open_on(160, range(0, 20), range(0, 30), range(5, 29)), [5, 5, 5])
    [run] = seeing_alike(bias, find_views(bias, bias.queries), 10**6)
    assert [view.row for view in run] == [0, 2, 1]


def around_a_gap(queries: int) -> QueryBatch:
    """The batch of queries that see 100 keys, 10 shut ones between them."""
    bias = rows_bias(open_on(110, [*range(50), *range(60, 110)]), [queries])
    return make_batch(bias, torch.arange(queries), shared=True)


def test_keys_are_copied_together_where_that_saves_more_than_64_queries_on_each() -> None:
    """A shut key costs all n queries, and 160 for the packing; a mask, the time of 25 n pairs."""
    assert isinstance(around_a_gap(137).keys, slice)  # 10 * (137 + 160) + 25 * 137 < 64 * 100
    assert isinstance(around_a_gap(138).keys, torch.Tensor)
    assert around_a_gap(138).is_open
    assert not around_a_gap(137).is_open
