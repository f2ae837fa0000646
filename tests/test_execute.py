"""Structured attention against the dense bias: the same result, without the matrix."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from instance_edit.attention import TokenLayout, idattn_bias, mice_bias
from instance_edit.attention.execute import attend as execute
from instance_edit.attention.execute import plan as execute_plan
from instance_edit.attention.execute.attend import attend, attend_groups
from instance_edit.attention.execute.plan import plan_groups, tile_rows_for
from instance_edit.benchmarks.speed.scenes import scene_layout, scene_masks
from instance_edit.prompts.spans import repeat_text
from instance_edit.tests.bias_cases import bias_cases

BUILDERS = {
    "mice": mice_bias,
    "dis": lambda *a, **k: idattn_bias(*a, kind="dis", **k),
    "har": lambda *a, **k: idattn_bias(*a, kind="har", **k),
}


def sdpa(q, k, v, mask=None):
    """As ComfyUI's kernels return it: (B, L, H * D)."""
    return joined(F.scaled_dot_product_attention(q, k, v, attn_mask=mask))


def joined(out):
    """(B, H, L, D) -> (B, L, H * D)."""
    return out.transpose(1, 2).flatten(2)


def tokens(total, queries=None, heads=3, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    lengths = (queries or total, total, total)
    return [torch.randn(2, heads, n, 8, generator=generator).to(dtype) for n in lengths]


def naive(q, k, v, dense):
    """Token by token in double precision."""
    out = torch.zeros(q.shape, dtype=torch.float64)
    for i in range(q.shape[2]):
        logits = (k.double() @ q[:, :, i, :, None].double())[..., 0] / math.sqrt(q.shape[3])
        weights = (logits + dense[i].double()).softmax(-1)
        out[:, :, i] = (weights[..., None] * v.double()).sum(2)
    return joined(out)


def covered(places, total):
    return torch.arange(total)[places].tolist()


@settings(max_examples=60, deadline=None)
@given(
    bias_cases(), st.sampled_from(sorted(BUILDERS)), st.integers(1, 6), st.integers(1, 9), st.data()
)
def test_groups_of_any_size_give_the_dense_result(case, method, uniform_rows, tile_rows, data):
    layout, masks, references, owners = case
    strengths = [0.0 if n == 2 else 1.0 + n for n in range(layout.instances)]
    bias = BUILDERS[method](
        layout, masks, reference_masks=references, reference_owners=owners, strengths=strengths
    )
    bias = repeat_text(bias, layout, data.draw(st.integers(1, 2)))
    queries = data.draw(st.integers(1, bias.keys))
    groups = plan_groups(bias, queries, uniform_rows, tile_rows)
    places = [place for group in groups for place in covered(group.queries, queries)]
    assert sorted(places) == list(range(queries))
    q, k, v = tokens(bias.keys, queries)
    expected = naive(q, k, v, bias.dense())
    found = attend_groups(q, k, v, bias, groups, sdpa)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(bias_cases(), st.sampled_from(sorted(BUILDERS)), st.integers(1, 6), st.integers(1, 9))
def test_only_shut_keys_are_left_out_and_open_calls_see_no_other(case, method, uniform, rows):
    layout, masks, references, owners = case
    bias = BUILDERS[method](layout, masks, reference_masks=references, reference_owners=owners)
    dense = bias.dense()
    for group in plan_groups(bias, bias.keys, uniform, rows):
        part = dense[torch.arange(bias.keys)[group.queries]]
        left_out = torch.ones(bias.keys, dtype=torch.bool)
        left_out[group.keys] = False
        assert bool((part[:, left_out] == -math.inf).all())
        kept = part[:, torch.arange(bias.keys)[group.keys]]
        if group.is_open:
            assert not bool(kept.any())
        else:
            assert torch.equal(group.tile(bias).expand_as(kept), kept)


def scene(instances, method="mice", side=20):
    layout = scene_layout(instances, (side, side), references=2)
    return BUILDERS[method](layout, scene_masks(instances, (side, side)))


@pytest.mark.parametrize("method", sorted(BUILDERS))
@pytest.mark.parametrize("instances", [1, 4, 30])
def test_a_long_sequence_is_exact_in_float32(method, instances):
    bias = scene(instances, method)
    q, k, v = tokens(bias.keys)
    expected = attend(q.double(), k.double(), v.double(), bias, sdpa, dense=True)
    dense = attend(q, k, v, bias, sdpa, dense=True)
    found = attend(q, k, v, bias, sdpa)
    assert (found - expected).abs().max() <= 2 * (dense - expected).abs().max() + 1e-7


@pytest.mark.parametrize("instances", [1, 4, 30])
def test_an_accelerators_sizes_of_calls_and_copies_are_as_exact(instances, monkeypatch):
    """The constants that hold off the CPU, on the CPU."""
    for module, name in (
        (execute, "COPY_BYTES"),
        (execute_plan, "PART_ROWS"),
        (execute_plan, "CALL_PAIRS"),
    ):
        monkeypatch.setattr(module, name, {})
    bias = scene(instances)
    q, k, v = tokens(bias.keys)
    dense = attend(q, k, v, bias, sdpa, dense=True)
    torch.testing.assert_close(attend(q, k, v, bias, sdpa), dense)
    torch.testing.assert_close(
        attend(50 * q, k, v, bias, sdpa), attend(50 * q, k, v, bias, sdpa, dense=True)
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("method", sorted(BUILDERS))
def test_half_precision_is_as_exact_as_the_dense_bias(method, dtype):
    bias = scene(9, method)
    q, k, v = tokens(bias.keys, dtype=dtype)
    expected = attend(q.double(), k.double(), v.double(), bias, sdpa, dense=True)
    half = bias.to("cpu", dtype)
    dense = (attend(q, k, v, half, sdpa, dense=True).double() - expected).pow(2).mean().sqrt()
    found = (attend(q, k, v, half, sdpa).double() - expected).pow(2).mean().sqrt()
    assert found <= 1.02 * dense


def test_gradients_are_those_of_the_dense_bias():
    bias = scene(5)
    with torch.inference_mode():  # plans are kept, and must serve training too
        attend(*tokens(bias.keys), bias, sdpa)
    gradients = []
    for dense in (True, False):
        leaves = [t.requires_grad_() for t in tokens(bias.keys)]
        out = attend(*leaves, bias, sdpa, dense=dense)
        gradients.append(torch.autograd.grad(out.pow(2).sum(), leaves))
    for ours, dense in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, dense, rtol=1e-4, atol=1e-5)


def test_calls_without_a_bias_go_to_the_open_kernel():
    bias, calls = scene(4), []

    def masked(q, k, v, mask):
        assert mask is not None
        return sdpa(q, k, v, mask)

    def plain(q, k, v):
        calls.append(q.shape[2])
        return sdpa(q, k, v)

    q, k, v = tokens(bias.keys)
    found = attend(q, k, v, bias, masked, open_kernel=plain)
    torch.testing.assert_close(found, attend(q, k, v, bias, sdpa, dense=True))
    assert sum(calls) > bias.keys / 5


def test_another_packs_mask_is_added():
    bias = scene(3)
    q, k, v = tokens(bias.keys)
    mask = torch.rand(bias.keys, bias.keys, generator=torch.Generator().manual_seed(1)) < 0.7
    mask |= torch.eye(bias.keys, dtype=torch.bool)
    expected = sdpa(q, k, v, bias.dense().masked_fill(~mask, -math.inf))
    torch.testing.assert_close(attend(q, k, v, bias, sdpa, mask), expected)


@pytest.mark.parametrize("instances", [3, 8, 40, 285])
def test_no_tile_is_a_twentieth_of_the_dense_bias_at_1024_pixels(instances):
    layout = scene_layout(instances, (64, 64))
    bias = mice_bias(layout, scene_masks(instances, (64, 64))).to("cpu", torch.bfloat16)
    tiles = [g.tile(bias) for g in plan_groups(bias, bias.keys) if not g.is_open]
    assert max(tile.untyped_storage().nbytes() for tile in tiles) < 0.05 * 2 * bias.keys**2
    assert tile_rows_for(bias.queries, bias.keys, 2) < 0.05 * bias.keys


def computed_share(method, instances):
    """Share of all query-key pairs that are computed."""
    layout = TokenLayout((20, *[20] * instances), (64, 64), ((64, 64),))
    bias = BUILDERS[method](layout, scene_masks(instances, (64, 64))).to("cpu", torch.bfloat16)
    place = torch.arange(bias.keys)
    pairs = [len(place[g.queries]) * len(place[g.keys]) for g in plan_groups(bias, bias.keys)]
    dense = bias.tile(slice(None))
    return sum(pairs) / bias.keys**2, float(dense.isfinite().float().mean())


@pytest.mark.parametrize("method", sorted(BUILDERS))
def test_at_285_instances_most_shut_pairs_are_not_paid_for(method):
    computed, visible = computed_share(method, 285)
    assert visible <= computed < visible + 0.25 * (1 - visible)
