"""One call for the keys that most queries see alike, and the rest beside it: exact together."""

import math
from dataclasses import replace
from unittest import mock

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from instance_edit.attention import AttentionBias, TokenLayout, mice_bias
from instance_edit.attention.execute import shared as shared_keys
from instance_edit.attention.execute.attend import attend
from instance_edit.attention.execute.attend_shared import attend_shared, can_share
from instance_edit.attention.execute.costs import CPU
from instance_edit.attention.execute.plan import BiasPlan, plan_batches
from instance_edit.attention.execute.shared import SharedKeys, find_shared, with_batches
from instance_edit.attention.skip_background import near
from instance_edit.benchmarks.record import peak_bytes
from instance_edit.benchmarks.speed.alternatives import job_bias
from instance_edit.benchmarks.speed.jobs import job_layout
from instance_edit.benchmarks.touched.jobs import touching_boxes
from instance_edit.mask_ops.boxes import box_to_grid
from instance_edit.tests.attending import (
    BUILDERS,
    naive,
    open_on,
    rows_bias,
    scene,
    sdpa,
    tokens,
)
from instance_edit.tests.bias_cases import bias_cases

Case = tuple[TokenLayout, Tensor, list[Tensor], tuple[int | None, ...]]
LOUD = 50.0


@pytest.fixture(autouse=True)
def no_graph() -> object:
    with torch.no_grad():
        yield


def parted(bias: AttentionBias, queries: int | None = None) -> SharedKeys | None:
    """The bias in its two parts, whether or not that is worth it."""
    count = queries or bias.queries
    with mock.patch.object(shared_keys, "BLEND_KEYS", -bias.keys):
        shared = find_shared(bias.rectangle(torch.arange(count), torch.arange(bias.keys)))
    if shared is None:
        return None
    batches = plan_batches(shared.rest, count, CPU, uniform_rows=2, tile_rows=300)
    return with_batches(shared, batches)


def surely_parted(bias: AttentionBias) -> SharedKeys:
    shared = parted(bias)
    assert shared is not None
    return shared


@settings(max_examples=100, deadline=None)
@given(bias_cases(), st.sampled_from(sorted(BUILDERS)), st.sampled_from([1.0, LOUD]), st.data())
def test_both_parts_together_are_the_naive_loop(
    case: Case, method: str, loud: float, data: st.DataObject
) -> None:
    layout, masks, references, owners = case
    bias = BUILDERS[method](layout, masks, reference_masks=references, reference_owners=owners)
    queries = data.draw(st.integers(1, bias.queries))
    shared = parted(bias, queries)
    assume(shared is not None)
    assert shared is not None
    q, k, v = (one.double() for one in tokens(bias.keys, queries))
    found = attend_shared(loud * q, k, v, shared)
    wanted = naive(loud * q, k, v, bias.dense()[:queries])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(bias_cases(), st.sampled_from(sorted(BUILDERS)))
def test_the_constant_and_the_rest_add_up_to_the_bias(case: Case, method: str) -> None:
    layout, masks, references, owners = case
    bias = BUILDERS[method](layout, masks, reference_masks=references, reference_owners=owners)
    shared = parted(bias)
    assume(shared is not None)
    assert shared is not None
    constant = torch.full((bias.queries, bias.keys), -math.inf)
    constant[:, shared.keys] = shared.level[:, None]
    together = torch.logaddexp(constant.double(), shared.rest.dense().double())
    torch.testing.assert_close(together, bias.dense().double(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("instances", [1, 4, 30])
@pytest.mark.parametrize("loud", [1.0, LOUD])
@pytest.mark.parametrize("settings", [{}, {"temperature": 8.0}, {"epsilon": 1e-6}])
def test_a_long_sequence_is_as_exact_as_the_dense_bias(
    instances: int, loud: float, settings: dict[str, float]
) -> None:
    bias = scene(instances, **settings)
    q, k, v = tokens(bias.keys)
    q = loud * q
    plan, shared = BiasPlan(bias), surely_parted(bias)
    expected = attend(q.double(), k.double(), v.double(), plan, sdpa, dense=True)
    dense = attend(q, k, v, plan, sdpa, dense=True)
    found = attend_shared(q, k, v, shared)
    assert (found - expected).abs().max() <= 2 * (dense - expected).abs().max() + 1e-6


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("loud", [1.0, 8.0])
def test_half_precision_is_nearly_as_exact_as_the_dense_bias(
    dtype: torch.dtype, loud: float
) -> None:
    """Two results are rounded where the dense bias has one: an eighth more error at most."""
    bias = scene(9)
    q, k, v = tokens(bias.keys, dtype=dtype)
    q = loud * q
    half = BiasPlan(bias.to("cpu", dtype))
    double = [one.double() for one in (q, k, v)]
    expected = attend(*double, BiasPlan(half.bias.to("cpu")), sdpa, dense=True)
    shared = surely_parted(half.bias)
    errors = [
        (out.double() - expected).pow(2).mean().sqrt()
        for out in (attend_shared(q, k, v, shared), attend(q, k, v, half, sdpa, dense=True))
    ]
    assert errors[0] <= 1.125 * errors[1]


@pytest.mark.parametrize("instances", [1, 3, 8])
def test_batches_are_runs_of_the_order_in_which_those_come_first_that_share(instances: int) -> None:
    """So the results of two calls are weighed in place."""
    bias = job_bias(job_layout(instances, (64, 64)), torch.bfloat16, torch.device("cpu"))
    shared = BiasPlan(bias).with_faint.shared(bias.queries)
    assert shared is not None
    runs = [batch.queries for batch in shared.batches]
    assert [0, *(run.stop for run in runs)] == [*(run.start for run in runs), bias.queries]
    assert torch.equal(shared.order.sort().values, torch.arange(bias.queries))
    sharing = int(shared.level.isfinite().sum())
    assert shared.queries == slice(0, sharing)
    assert bool(shared.level[shared.order[:sharing]].isfinite().all())


def test_queries_of_which_nothing_is_left_are_in_no_batch() -> None:
    """Of four queries the first sees shared keys only and the last no key at all."""
    bias = rows_bias(open_on(10, range(2, 10), [0, *range(2, 10)], []), [1, 2, 1])
    shared = surely_parted(bias)
    assert shared.order.tolist() == [0, 1, 2, 3]
    assert [batch.queries for batch in shared.batches] == [slice(1, 3)]


def test_heads_that_are_taken_in_turns_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    bias = scene(4)
    shared = surely_parted(bias)
    q, k, v = tokens(bias.keys)
    whole = attend_shared(q, k, v, shared)
    few = replace(CPU, copy_bytes=1)
    monkeypatch.setattr("instance_edit.attention.execute.attend_shared.CPU", few)
    torch.testing.assert_close(attend_shared(q, k, v, shared), whole)


@pytest.mark.parametrize("instances", [1, 8, 40, 100])
def test_what_it_holds_is_little_beside_the_dense_bias(instances: int) -> None:
    """And it is far less work: of the calls over all keys one is left, and those of large views."""
    bias = job_bias(job_layout(instances, (64, 64)), torch.bfloat16, torch.device("cpu"))
    shared = BiasPlan(bias).shared(bias.queries)
    assert shared is not None
    q, k, v = (one.repeat(1, 1, 1, 16)[:1, :1] for one in tokens(bias.keys, dtype=torch.bfloat16))
    peak = peak_bytes(lambda: attend_shared(q, k, v, shared), torch.device("cpu"))
    plain = peak_bytes(lambda: sdpa(q, k, v), torch.device("cpu"))
    assert peak - plain < 0.05 * 2 * bias.keys**2


def test_keys_that_hardly_anybody_sees_alike_are_not_shared() -> None:
    assert BiasPlan(scene(1, "dis", side=10)).shared(300) is None


def test_so_few_keys_are_not_shared_that_weighing_two_results_costs_more() -> None:
    """Eight instances on a tenth of 1024 x 1024, its background skipped: about 1,300 tokens."""
    boxes = touching_boxes(8, 0.1, 64)
    masks = torch.stack([box_to_grid(box, (64, 64)) for box in boxes])
    layout = TokenLayout((20, *[10] * 8), (64, 64), ((64, 64),))
    bias = mice_bias(layout, masks)
    touched = near(masks, 1).flatten().nonzero()[:, 0]
    image = touched + layout.text_total
    kept = torch.cat([torch.arange(layout.text_total), image, image + 64 * 64])
    assert BiasPlan(bias).without_faint.shared(bias.queries) is not None
    assert BiasPlan(bias.take(kept)).without_faint.shared(len(kept)) is None


def test_a_torch_without_that_kernel_shares_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, _ = tokens(10)
    monkeypatch.setattr("instance_edit.attention.execute.attend_shared.KERNEL", "_no_such_kernel")
    assert not can_share(q, k)


def test_only_a_cpu_without_gradients_and_shared_heads_is_taken() -> None:
    q, k, _ = tokens(10)
    assert can_share(q, k)
    assert not can_share(q.to("meta"), k)
    assert not can_share(q, k[:, :1])
    with torch.enable_grad():
        assert not can_share(q, k)
