"""Leaving out keys whose bias is nearly shut: only where that cannot be seen."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import idattn_bias, mice_bias, released_mice_bias
from instance_edit.attention.execute.attend import attend
from instance_edit.attention.execute.faint import farthest, find_faint
from instance_edit.benchmarks.speed.scenes import scene_layout, scene_masks
from instance_edit.tests.bias_cases import bias_cases
from instance_edit.tests.test_execute import sdpa, tokens

SIDE = 20


def scene(instances=5, method=mice_bias, **settings):
    masks = scene_masks(instances, (SIDE, SIDE))
    return method(scene_layout(instances, (SIDE, SIDE), references=2), masks, **settings)


def left_out_share(bias, shut, q, k):
    """Largest share of a query's weight that its left-out keys have, in double precision."""
    logits = q.double() @ k.double().transpose(2, 3) / math.sqrt(q.shape[3])
    weights = (logits + bias.dense().double()).softmax(-1)
    gone = shut.dense().isinf() & bias.dense().isfinite()
    return float((weights * gone).sum(-1).max())


@settings(max_examples=150, deadline=None)
@given(bias_cases(), st.floats(1.0, 60.0), st.integers(0, 1000), st.booleans())
def test_what_is_proven_negligible_weighs_less_than_floats_rounding(case, size, seed, skewed):
    layout, masks, references, owners = case
    bias = mice_bias(layout, masks, reference_masks=references, reference_owners=owners)
    faint = find_faint(bias)
    if faint is None:
        return
    q, k, _ = tokens(bias.keys, seed=seed)
    k = k + 3 * skewed  # keys with a large common part, as real models have
    q = q * size
    if faint.is_exact(q, k):
        assert left_out_share(bias, faint.shut, q, k) <= 2**-24


def test_an_ordinary_models_logits_leave_every_faint_key_out_and_the_result_exact():
    bias = scene()
    q, k, v = tokens(bias.keys)
    faint = find_faint(bias)
    assert faint.is_exact(q, k)
    assert float(faint.shut.dense().isinf().float().mean()) > 0.1
    expected = attend(q.double(), k.double(), v.double(), bias, sdpa, dense=True)
    torch.testing.assert_close(attend(q, k, v, bias, sdpa).double(), expected, rtol=0, atol=2e-6)


def test_a_key_loud_enough_to_overcome_its_bias_is_kept():
    bias = scene()
    query = int((bias.query_class == 1).nonzero()[0])
    row = bias.tile(torch.tensor([query]))[0]
    key = int(((row < -60) & row.isfinite()).nonzero()[0])
    q, k, v = tokens(bias.keys)
    q[:, :, query] = 6.0
    k[:, :, key] = 6.0  # a logit of 102 against a bias of -69
    assert not find_faint(bias).is_exact(q, k)
    found = attend(q, k, v, bias, sdpa)
    torch.testing.assert_close(found[:, query], v[:, :, key].flatten(1), rtol=0, atol=1e-4)
    torch.testing.assert_close(found, attend(q, k, v, bias, sdpa, dense=True))


def test_what_all_keys_have_in_common_does_not_count():
    """It shifts a query's logits alike; the keys of real models have a large common part."""
    bias = scene()
    q, k, v = tokens(bias.keys)
    k = k + 10.0
    assert find_faint(bias).is_exact(q, k)
    assert left_out_share(bias, find_faint(bias).shut, q, k) <= 2**-24


def test_the_farthest_key_is_as_far_as_the_naive_loop_finds_or_little_more():
    _, k, _ = tokens(300, dtype=torch.bfloat16)
    means = k[:, :, :30].unflatten(2, (10, 3)).mean(3)
    wanted = torch.cdist(means.float(), k.float()).amax(3)
    found = farthest(k, means)
    assert bool((wanted <= found).all() and (found <= 1.1 * wanted).all())


def test_nothing_is_proven_with_values_that_are_not_numbers():
    bias = scene()
    q, k, _ = tokens(bias.keys)
    q[0, 0, 5, 0] = math.nan
    assert not find_faint(bias).is_exact(q, k)


@pytest.mark.parametrize(
    "bias",
    [
        scene(temperature=8.0),
        scene(method=released_mice_bias),
        idattn_bias(scene_layout(5, (SIDE, SIDE)), scene_masks(5, (SIDE, SIDE)), kind="dis"),
    ],
    ids=["tau 8", "released code", "idattn"],
)
def test_a_bias_without_faint_keys_needs_no_proof(bias):
    assert find_faint(bias) is None


def test_the_keys_compared_with_are_open_to_their_class():
    for instances in (1, 30):
        bias = scene(instances)
        anchors = find_faint(bias).anchors
        for row, places in zip(bias.rows, anchors, strict=True):
            assert bool((row[bias.key_group[places]] == 0).all())
            assert bool((bias.key_class[places] == 0).all())
