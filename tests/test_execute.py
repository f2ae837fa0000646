"""Structured attention against the dense bias: the same result, without the matrix."""

import math
from dataclasses import replace
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import AttentionBias, TokenLayout, idattn_bias
from instance_edit.attention.execute.attend import attend, attend_batches
from instance_edit.attention.execute.costs import ACCELERATOR, CPU, device_costs
from instance_edit.attention.execute.masks import additive_mask
from instance_edit.attention.execute.plan import BiasPlan, plan_batches
from instance_edit.benchmarks.speed.jobs import job_layout, job_masks
from instance_edit.prompts.spans import Added, text_order
from instance_edit.tests.attending import BUILDERS, Spy, naive, scene, sdpa, tokens
from instance_edit.tests.bias_cases import bias_cases

TILE = AttentionBias.tile
Case = tuple[TokenLayout, torch.Tensor, list[torch.Tensor], tuple[int | None, ...]]


@settings(max_examples=60, deadline=None)
@given(
    bias_cases(), st.sampled_from(sorted(BUILDERS)), st.integers(1, 6), st.integers(1, 9), st.data()
)
def test_batches_of_any_size_give_the_dense_result(
    case: Case, method: str, uniform_rows: int, tile_rows: int, data: st.DataObject
) -> None:
    layout, masks, references, owners = case
    strengths = [0.0 if n == 2 else 1.0 + n for n in range(layout.instances)]
    bias = BUILDERS[method](
        layout, masks, reference_masks=references, reference_owners=owners, strengths=strengths
    )
    added = Added(behind=data.draw(st.integers(0, layout.text_lengths[0])))
    text = text_order(layout, added)
    bias = bias.take(torch.tensor([*text, *range(layout.text_total, layout.total)]))
    queries = data.draw(st.integers(1, bias.queries))
    costs = data.draw(st.sampled_from([CPU, ACCELERATOR]))
    batches = plan_batches(bias, queries, costs, uniform_rows=uniform_rows, tile_rows=tile_rows)
    q, k, v = tokens(bias.keys, queries)
    found = attend_batches(q, k, v, BiasPlan(bias, costs), batches, sdpa)
    torch.testing.assert_close(found.double(), naive(q, k, v, bias.dense()), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", sorted(BUILDERS))
@pytest.mark.parametrize("instances", [1, 4, 30])
def test_a_long_sequence_is_exact_in_float32(method: str, instances: int) -> None:
    plan = BiasPlan(scene(instances, method))
    q, k, v = tokens(plan.bias.keys)
    expected = attend(q.double(), k.double(), v.double(), plan, sdpa, dense=True)
    dense = attend(q, k, v, plan, sdpa, dense=True)
    found = attend(q, k, v, plan, sdpa)
    assert (found - expected).abs().max() <= 2 * (dense - expected).abs().max() + 1e-7


@pytest.mark.parametrize("instances", [1, 4, 30])
def test_an_accelerators_sizes_of_calls_and_copies_are_as_exact(instances: int) -> None:
    """The costs that hold off the CPU, on the CPU."""
    plan = BiasPlan(scene(instances), ACCELERATOR)
    q, k, v = tokens(plan.bias.keys)
    for loud in (q, 50 * q):
        dense = attend(loud, k, v, plan, sdpa, dense=True)
        torch.testing.assert_close(attend(loud, k, v, plan, sdpa), dense)


def test_only_a_cpu_has_a_cpus_costs() -> None:
    assert device_costs("cpu") is CPU
    assert device_costs("cuda") is device_costs("mps") is ACCELERATOR
    assert BiasPlan(scene(1)).costs is CPU


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", sorted(BUILDERS))
def test_half_precision_is_as_exact_as_the_dense_bias(method: str, dtype: torch.dtype) -> None:
    bias = scene(9, method)
    q, k, v = tokens(bias.keys, dtype=dtype)
    double = [t.double() for t in (q, k, v)]
    expected = attend(*double, BiasPlan(bias), sdpa, dense=True)
    half = BiasPlan(bias.to("cpu", dtype))
    dense = (attend(q, k, v, half, sdpa, dense=True).double() - expected).pow(2).mean().sqrt()
    found = (attend(q, k, v, half, sdpa).double() - expected).pow(2).mean().sqrt()
    assert found <= 1.02 * dense


def test_gradients_are_those_of_the_dense_bias_even_if_the_plan_was_made_in_inference() -> None:
    plan = BiasPlan(scene(5))
    with torch.inference_mode():  # plans are kept, and must serve training too
        attend(*tokens(plan.bias.keys), plan, sdpa)
    gradients = []
    for dense in (True, False):
        leaves = [t.requires_grad_() for t in tokens(plan.bias.keys)]
        out = attend(*leaves, plan, sdpa, dense=dense)
        gradients.append(torch.autograd.grad(out.pow(2).sum(), leaves))
    for ours, dense in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, dense, rtol=1e-4, atol=1e-5)


def test_calls_without_a_bias_go_to_the_open_kernel() -> None:
    plan, masked, plain = BiasPlan(scene(4)), Spy(), Spy()
    q, k, v = tokens(plan.bias.keys)
    found = attend(q, k, v, plan, masked, open_kernel=plain)
    torch.testing.assert_close(found, attend(q, k, v, plan, sdpa, dense=True))
    assert all(mask for *_, mask in masked.calls)
    assert not any(mask for *_, mask in plain.calls)
    assert plain.pairs > 3 * plan.bias.keys**2 / 5


def test_without_an_open_kernel_the_other_gets_those_calls_too() -> None:
    plan, both = BiasPlan(scene(4)), Spy()
    q, k, v = tokens(plan.bias.keys)
    torch.testing.assert_close(attend(q, k, v, plan, both), attend(q, k, v, plan, sdpa, dense=True))
    assert {mask for *_, mask in both.calls} == {True, False}


def test_up_to_1024_tokens_take_the_dense_bias_in_one_call() -> None:
    for total, calls in ((1024, 1), (1025, 2)):
        layout = TokenLayout((1, total - 1 - 900), (30, 30))
        masks = torch.zeros(1, 30, 30, dtype=torch.bool)
        masks[:, :20] = True
        plan, spy = BiasPlan(idattn_bias(layout, masks, kind="dis")), Spy()
        q, k, v = tokens(total)
        found = attend(q, k, v, plan, spy)
        assert (len(spy.calls) == 1) == (calls == 1)
        assert calls > 1 or spy.calls == [(3, total, total, True)]
        torch.testing.assert_close(found, sdpa(q, k, v, plan.bias.dense()))


def test_a_short_bias_is_filled_once_for_every_call_and_a_long_one_is_not_kept() -> None:
    """Of all blocks and steps, whatever came first; the mask of another pack leaves it as it is."""
    for side, filled in ((10, 1), (20, 4)):
        plan = BiasPlan(scene(3, side=side))
        q, k, v = tokens(plan.bias.keys)
        mask = torch.randn(plan.bias.keys, plan.bias.keys)
        with mock.patch.object(AttentionBias, "tile", autospec=True, side_effect=TILE) as tile:
            with torch.inference_mode():
                first = attend(q, k, v, plan, sdpa, mask)
            few = attend(q[:, :, :50], k, v, plan, sdpa, dense=True)
            again = [attend(q, k, v, plan, sdpa, given) for given in (mask, -mask)]
        assert tile.call_count == filled
        assert torch.equal(first, again[0]) and not torch.equal(*again)
        torch.testing.assert_close(few, sdpa(q[:, :, :50], k, v, plan.bias.dense()[:50]))


def job_plan(side: int, method: str = "mice", instances: int = 8) -> BiasPlan:
    """The plan of a square picture with one reference."""
    layout, masks = job_layout(instances, (side, side)), job_masks(instances, (side, side))
    return BiasPlan(BUILDERS[method](layout, masks))


def test_faint_keys_that_stay_are_attended_with_the_whole_bias_where_that_costs_less() -> None:
    """At 384 x 384; it is filled once for all blocks and steps."""
    plan, spy = job_plan(24), Spy()
    q, k, v = tokens(plan.bias.keys)
    with mock.patch.object(AttentionBias, "tile", autospec=True, side_effect=TILE) as tile:
        found = [attend(queries, k, v, plan.with_faint, spy) for queries in (q, q, q[:, :, :900])]
    assert tile.call_count == 1
    keys = plan.bias.keys
    assert spy.calls == [(3, keys, keys, True), (3, keys, keys, True), (3, 900, keys, True)]
    wanted = naive(q, k, v, plan.bias.dense())
    torch.testing.assert_close(found[0], wanted, check_dtype=False)
    torch.testing.assert_close(found[2], wanted[:, :900], check_dtype=False)


def test_the_whole_bias_is_never_taken_of_keys_that_are_only_shut() -> None:
    """A sum over all keys is rounded otherwise, the longer the words of another instance are."""
    for instances in (8, 20):  # with 20, batches under MICE cost more than the whole bias
        shut = job_plan(24, instances=instances).without_faint
        for apart in (shut, job_plan(24, "dis", instances).with_faint):
            assert not apart.is_whole(apart.bias.queries)
            assert apart.whole_cost(apart.bias.queries) == math.inf


def test_the_whole_bias_is_taken_of_2560_tokens_at_most_and_on_a_cpu() -> None:
    bias = job_plan(24).bias
    costs = {
        "within": replace(CPU, whole_tokens=bias.keys),
        "beyond": replace(CPU, whole_tokens=bias.keys - 1),
        "accelerator": ACCELERATOR,
    }
    taken = {
        name: BiasPlan(bias, cost).with_faint.is_whole(bias.queries) for name, cost in costs.items()
    }
    assert taken == {"within": True, "beyond": False, "accelerator": False}
    assert CPU.whole_tokens == 2560


def test_shared_keys_are_taken_where_they_cost_less_than_the_whole_bias() -> None:
    """At 512 x 512 one instance leaves enough of them to share, forty do not."""
    for instances, whole in ((1, False), (40, True)):
        plan = job_plan(32, instances=instances).with_faint
        assert plan.is_whole(plan.bias.queries)
        assert (plan.shared(plan.bias.queries) is None) == whole


def test_another_packs_mask_is_added() -> None:
    bias = scene(3)
    q, k, v = tokens(bias.keys)
    mask = torch.rand(bias.keys, bias.keys, generator=torch.Generator().manual_seed(1)) < 0.7
    mask |= torch.eye(bias.keys, dtype=torch.bool)
    expected = sdpa(q, k, v, bias.dense().masked_fill(~mask, -math.inf))
    torch.testing.assert_close(attend(q, k, v, BiasPlan(bias), sdpa, mask), expected)


@pytest.mark.parametrize("shape", [(7, 9), (2, 7, 9), (2, 3, 7, 9), (2, 1, 9), (1, 1, 1, 9)])
def test_a_mask_of_any_form_adds_to_its_own_batch_item_head_and_query(
    shape: tuple[int, ...],
) -> None:
    """A three-dimensional one, as Qwen passes it, is (B, Lq, keys): its first axis is no head."""
    mask = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    added = additive_mask(mask, torch.float64).expand(2, 3, 7, 9)
    for b in range(2):
        for h in range(3):
            own = mask
            if mask.ndim == 4:
                own = mask[min(b, shape[0] - 1), min(h, shape[1] - 1)]
            if mask.ndim == 3:
                own = mask[b]
            assert torch.equal(added[b, h], own.double().expand(7, 9))
    assert torch.equal(
        additive_mask(mask > 0, torch.float32).exp() > 0, additive_mask(mask, torch.float32) > 0
    )


def test_a_three_dimensional_mask_acts_on_its_own_item_of_the_batch() -> None:
    bias = scene(3)
    q, k, v = tokens(bias.keys, 50)
    mask = torch.ones(2, 50, bias.keys, dtype=torch.bool)
    mask[1, :, 5:900] = False
    plan = BiasPlan(bias)
    found, plain = attend(q, k, v, plan, sdpa, mask), attend(q, k, v, plan, sdpa, dense=True)
    torch.testing.assert_close(found[0], plain[0])
    wanted = sdpa(q[1:], k[1:], v[1:], bias.dense()[:50].masked_fill(~mask[1], -math.inf))
    torch.testing.assert_close(found[1], wanted[0])
    assert (found[1] - plain[1]).abs().max() > 0.1


@pytest.mark.parametrize("shape", [(), (9,), (1, 1, 1, 7, 9)])
def test_a_mask_of_another_number_of_dimensions_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="mask must be"):
        additive_mask(torch.zeros(shape), torch.float32)


def blind_bias() -> AttentionBias:
    """Cross-attention to text in which one instance's words are hidden: it sees no key."""
    layout = TokenLayout((400, 700), (6, 6))
    masks = torch.zeros(1, 6, 6, dtype=torch.bool)
    masks[0, 2:4] = True
    bias = idattn_bias(layout, masks, kind="dis", strengths=[0.0])
    return bias.rectangle(torch.arange(1100, 1136), torch.arange(1100))


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("count", [36, 20, 13])
def test_a_query_that_sees_no_key_gets_zero(dense: bool, count: int) -> None:
    """Not a number would spread to the whole picture from there."""
    bias = blind_bias()
    bias = bias.rectangle(torch.arange(36).repeat(40), torch.arange(1100))  # no short sequence
    plan = BiasPlan(bias)
    q, k, v = tokens(1100, count)
    q.requires_grad_()
    found = attend(q, k, v, plan, sdpa, dense=dense)
    wanted = naive(q, k, v, bias.dense())
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-6)
    assert not bool(found[:, 12:24].any()) and bool(found[:, :12].all())
    [gradient] = torch.autograd.grad(found.sum(), [q])
    assert bool(gradient.isfinite().all())


def test_queries_that_all_see_nothing_get_zero() -> None:
    bias = blind_bias().rectangle(torch.arange(12, 24).repeat(100), torch.arange(1100))
    q, k, v = tokens(1100, 1200)
    for dense in (True, False):
        assert not bool(attend(q, k, v, BiasPlan(bias), sdpa, dense=dense).any())


def test_every_query_of_a_methods_bias_sees_some_key() -> None:
    for method in BUILDERS:
        assert BiasPlan(scene(4, method)).blind is None
    assert BiasPlan(blind_bias()).blind is not None
