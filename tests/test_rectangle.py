"""Rectangular biases and grouped-query attention: other queries than keys, fewer heads of keys."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import AttentionBias, TokenLayout, idattn_bias, mice_bias
from instance_edit.attention.execute.attend import attend, attend_batches
from instance_edit.attention.execute.costs import CPU
from instance_edit.attention.execute.faint import find_faint
from instance_edit.attention.execute.plan import BiasPlan, plan_batches
from instance_edit.tests.attending import Spy, naive, scene, sdpa, tokens
from instance_edit.tests.bias_cases import bias_cases

Case = tuple[TokenLayout, torch.Tensor, list[torch.Tensor], tuple[int | None, ...]]


@settings(max_examples=40, deadline=None)
@given(bias_cases(), st.data())
def test_a_rectangle_is_the_dense_bias_of_those_queries_on_those_keys(
    case: Case, data: st.DataObject
) -> None:
    layout, masks, references, owners = case
    bias = mice_bias(layout, masks, reference_masks=references, reference_owners=owners)
    some = st.lists(st.integers(0, layout.total - 1), min_size=1, max_size=12)
    queries, keys = (torch.tensor(data.draw(some)) for _ in range(2))
    part = bias.rectangle(queries, keys)
    assert (part.queries, part.keys) == (len(queries), len(keys))
    assert torch.equal(part.dense(), bias.dense()[queries][:, keys])
    assert torch.equal(bias.take(keys).dense(), bias.dense()[keys][:, keys])


def test_a_methods_bias_is_square() -> None:
    bias = scene(3)
    assert bias.queries == bias.keys == bias.dense().shape[0] == bias.dense().shape[1]


def cross_attention(instances: int = 4) -> AttentionBias:
    """Image tokens as queries, all text and some of the image tokens as keys."""
    bias = scene(instances)
    return bias.rectangle(torch.arange(50, bias.queries), torch.arange(bias.keys - 200))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 9), st.data())
def test_batches_of_a_rectangle_give_the_dense_result(
    uniform_rows: int, tile_rows: int, data: st.DataObject
) -> None:
    layout = TokenLayout((3, 2, 2), (4, 4), ((3, 3),))
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[0, 0], masks[1, 2:, :2] = True, True
    whole = mice_bias(layout, masks)
    image = torch.arange(layout.text_total, layout.total)
    some = data.draw(st.lists(st.sampled_from(image.tolist()), min_size=1, max_size=20))
    bias = whole.rectangle(torch.tensor(some), torch.arange(layout.latent_span.stop))
    q, k, v = tokens(bias.keys, bias.queries, 4, 4)
    batches = plan_batches(bias, bias.queries, CPU, uniform_rows=uniform_rows, tile_rows=tile_rows)
    found = attend_batches(q, k, v, BiasPlan(bias), batches, sdpa)
    torch.testing.assert_close(found.double(), naive(q, k, v, bias.dense()), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("queries", [100, None])
def test_attend_takes_a_rectangle_and_its_first_queries(queries: int | None) -> None:
    bias = cross_attention()
    assert bias.queries != bias.keys
    count = queries or bias.queries
    q, k, v = tokens(bias.keys, count)
    plan = BiasPlan(bias)
    expected = attend(q, k, v, plan, sdpa, dense=True)
    assert expected.shape == (2, count, 24)
    torch.testing.assert_close(attend(q, k, v, plan, sdpa), expected)
    formula = sdpa(q, k, v, bias.dense()[:count])
    torch.testing.assert_close(expected, formula)


@pytest.mark.parametrize("heads, read", [(4, 4), (4, 2), (6, 2), (4, 1)])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("copied", [1, 1 << 14, 1 << 30])
def test_grouped_queries_are_attention_with_the_heads_of_k_and_v_repeated(
    heads: int, read: int, dense: bool, copied: int
) -> None:
    bias = scene(4)
    plan = BiasPlan(bias, replace(CPU, copy_bytes=copied))
    q, k, v = tokens(bias.keys, bias.queries, heads, read)
    repeated = [torch.stack([t] * (heads // read), 2).flatten(1, 2) for t in (k, v)]
    expected = attend(q, *repeated, plan, sdpa, dense=True)
    torch.testing.assert_close(attend(q, k, v, plan, sdpa, dense=dense), expected)


def test_a_grouped_call_copies_no_more_than_the_devices_limit_or_one_head_of_k_and_v() -> None:
    bias = idattn_bias(TokenLayout((9, 4), (40, 40)), torch.ones(1, 40, 40).bool(), kind="har")
    q, k, v = tokens(bias.keys, bias.queries, 8, 2)
    one = 2 * 2 * 4 * bias.keys * 8 * 4  # k and v, 2 items, 4 heads of q on a head of k
    for limit, heads in ((one, 4), (2 * one, 8)):
        spy = Spy()
        attend(q, k, v, BiasPlan(bias, replace(CPU, copy_bytes=limit)), spy)
        assert max(call[0] for call in spy.calls) == heads


@pytest.mark.parametrize("heads, read", [(5, 2), (2, 4)])
@pytest.mark.parametrize("dense", [False, True])
def test_heads_that_do_not_share_evenly_are_refused(heads: int, read: int, dense: bool) -> None:
    bias = scene(2)
    q, k, v = tokens(bias.keys, bias.queries, heads, read)
    with pytest.raises(ValueError, match=f"{heads} heads .* {read} heads"):
        attend(q, k, v, BiasPlan(bias), sdpa, dense=dense)


def test_the_proof_of_faint_keys_looks_at_every_head_that_reads_a_head_of_keys() -> None:
    bias = scene(5)
    faint = find_faint(bias)
    assert faint is not None
    q, k, _ = tokens(bias.keys, bias.queries, 4, 2)
    assert faint.is_exact(q, k)
    for head in range(4):
        loud = q.clone()
        loud[:, head, 7] *= 1000.0
        assert not faint.is_exact(loud, k)


def test_first_queries_of_a_square_bias_still_work() -> None:
    bias = scene(3)
    q, k, v = tokens(bias.keys, 333)
    wanted = sdpa(q, k, v, bias.dense()[:333])
    torch.testing.assert_close(attend(q, k, v, BiasPlan(bias), sdpa), wanted)
    assert math.isfinite(float(wanted.sum()))
