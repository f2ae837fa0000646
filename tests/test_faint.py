"""Leaving out keys whose bias is nearly shut: only where that cannot be seen."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from instance_edit.attention import (
    AttentionBias,
    TokenLayout,
    idattn_bias,
    mice_bias,
)
from instance_edit.attention.execute import faint as proof
from instance_edit.attention.execute.attend import attend
from instance_edit.attention.execute.faint import Faint, farthest, find_faint
from instance_edit.attention.execute.plan import BiasPlan
from instance_edit.benchmarks.record import peak_bytes
from instance_edit.benchmarks.speed.jobs import job_layout, job_masks
from instance_edit.tests.attending import Spy, rows_bias, scene, sdpa, tokens
from instance_edit.tests.bias_cases import bias_cases

Case = tuple[TokenLayout, Tensor, list[Tensor], tuple[int | None, ...]]
NEGLIGIBLE = 2**-24  # float32's rounding


def left_out_share(bias: AttentionBias, shut: AttentionBias, q: Tensor, k: Tensor) -> float:
    """Largest share of a query's weight that its left-out keys have, in double precision."""
    logits = q.double() @ k.double().transpose(2, 3) / math.sqrt(q.shape[3])
    weights = (logits + bias.dense().double()).softmax(-1)
    gone = shut.dense().isinf() & bias.dense().isfinite()
    return float((weights * gone).sum(-1).max())


def found(bias: AttentionBias) -> Faint:
    faint = find_faint(bias)
    assert faint is not None
    return faint


def loudest_proven(faint: Faint, q: Tensor, k: Tensor) -> Tensor:
    """The queries made as large as the proof allows, to within a thousandth."""
    low, high = 1e-4, 1e5
    assert faint.is_exact(low * q, k) and not faint.is_exact(high * q, k)
    while high > 1.001 * low:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if faint.is_exact(middle * q, k) else (low, middle)
    return low * q


@settings(max_examples=100, deadline=None)
@given(bias_cases(), st.integers(0, 1000), st.booleans())
def test_what_is_proven_negligible_weighs_less_than_floats_rounding(
    case: Case, seed: int, skewed: bool
) -> None:
    layout, masks, references, owners = case
    assume(bool(masks.flatten(1).any(1).all()))
    bias = mice_bias(layout, masks, reference_masks=references, reference_owners=owners)
    faint = find_faint(bias)
    assume(faint is not None)
    assert faint is not None
    q, k, _ = tokens(bias.keys, seed=seed)
    k = k + 3 * skewed  # keys with a large common part, as real models have
    assert left_out_share(bias, faint.shut, loudest_proven(faint, q, k), k) <= NEGLIGIBLE


def aligned(levels: dict[float, int], opened: int = 16) -> tuple[AttentionBias, Tensor, Tensor]:
    """The worst case: every query points from the open keys to the faint ones, which lie together.

    Args:
        levels: how many keys have each bias below 0.

    Returns:
        The bias of one query, q and k, (1, 1, L, 8).
    """
    row = torch.cat([torch.zeros(opened), *(torch.full((n,), b) for b, n in levels.items())])
    direction = torch.tensor([0.6, 0.0, -0.48, 0.0, 0.64, 0.0, 0.0, 0.0])
    k = torch.where((row < 0)[:, None], direction, torch.zeros(8))
    return rows_bias(row[None], [1]), direction[None, None, None], k[None, None]


@pytest.mark.parametrize("level", [-41.0, -69.0])
@pytest.mark.parametrize("count", [1, 1600, 16000])
def test_where_the_bound_is_nearly_tight_it_still_holds_and_is_not_far_from_failing(
    level: float, count: int
) -> None:
    bias, q, k = aligned({level: count})
    faint = found(bias)
    share = left_out_share(bias, faint.shut, loudest_proven(faint, q, k), k)
    together = count / (count + 16)  # the bound counts open keys as faint ones too
    assert 0.2 * together * NEGLIGIBLE < share <= NEGLIGIBLE


@pytest.mark.parametrize("first", [-42.0, -100.0])
def test_of_several_faint_levels_the_loudest_decides(first: float) -> None:
    levels = {first: 400, -142.0 - first: 400}
    bias, q, k = aligned(levels)
    faint = found(bias)
    assert bool(faint.shut.rows[0, 16:].isinf().all())
    share = left_out_share(bias, faint.shut, loudest_proven(faint, q, k), k)
    assert 0.05 * NEGLIGIBLE < share <= NEGLIGIBLE


def test_a_faint_level_of_the_prompts_columns_counts_like_one_of_the_rows() -> None:
    layout = TokenLayout((2, 3), (6, 6))
    masks = torch.zeros(1, 6, 6, dtype=torch.bool)
    masks[0, :, :3] = True
    bias = mice_bias(layout, masks)
    rows_only = AttentionBias(**{**vars(bias), "columns": bias.columns.clamp(min=-30)})
    columns_only = AttentionBias(**{**vars(bias), "rows": bias.rows.clamp(min=-30)})
    for part in (rows_only, columns_only):
        assert found(part).margin == pytest.approx(found(bias).margin)
    shut = found(bias).shut
    for table, before in ((shut.rows, bias.rows), (shut.columns, bias.columns)):
        faint = before <= -40.0
        assert bool((faint & before.isfinite()).any())
        assert torch.equal(table.isinf(), faint)
        assert torch.equal(table[~faint], before[~faint])


def test_only_a_bias_of_minus_40_or_less_is_faint() -> None:
    assert find_faint(aligned({-39.9: 100})[0]) is None
    assert find_faint(aligned({-math.inf: 100})[0]) is None
    both, *_ = aligned({-39.9: 100, -40.0: 100})
    shut = found(both).shut.rows[0]
    assert not bool(shut[:116].isinf().any()) and bool(shut[116:].isinf().all())


def test_the_margin_takes_floats_digits_and_the_number_of_keys_from_the_loudest_bias() -> None:
    bias, *_ = aligned({-69.0: 1600, -80.0: 100})
    wanted = 69.0 - math.log(1716 / 16) - 24 * math.log(2)
    assert found(bias).margin == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("common", [0.0, 1.0, 3.0])
def test_half_precisions_rounding_never_proves_too_much(dtype: torch.dtype, common: float) -> None:
    """Norms and distances are taken in the model's own dtype, here of keys that nearly agree."""
    for seed in range(60):
        generator = torch.Generator().manual_seed(seed)
        bias, *_ = aligned({-69.0: 4000})
        shift, direction = torch.randn(2, 8, generator=generator)
        k = torch.zeros(1, 1, 4016, 8) + common * shift
        k[:, :, 16:] += direction
        k = k.to(dtype)
        q = (k[:, :, -1:].double() - k[:, :, :1].double()).to(dtype)
        faint = found(bias)
        loud = loudest_proven(faint, q, k)
        assert left_out_share(bias, faint.shut, loud, k) <= NEGLIGIBLE


def test_an_ordinary_models_logits_leave_every_faint_key_out_and_the_result_exact() -> None:
    bias = scene(5)
    q, k, v = tokens(bias.keys)
    faint = found(bias)
    assert faint.is_exact(q, k)
    assert float(faint.shut.dense().isinf().float().mean()) > 0.1
    plan = BiasPlan(bias)
    expected = attend(q.double(), k.double(), v.double(), plan, sdpa, dense=True)
    torch.testing.assert_close(attend(q, k, v, plan, sdpa).double(), expected, rtol=0, atol=2e-6)


def test_attention_asks_for_fewer_keys_where_the_proof_holds_and_for_all_where_it_fails() -> None:
    plan, proven, loud = BiasPlan(scene(5)), Spy(), Spy()
    q, k, v = tokens(plan.bias.keys)
    attend(q, k, v, plan, proven)
    attend(1000 * q, k, v, plan, loud)
    assert proven.pairs < 0.9 * loud.pairs
    batches = plan.without_faint.batches(plan.bias.queries)
    place = torch.arange(plan.bias.keys)
    wanted = sum(len(place[b.queries]) * len(place[b.keys]) for b in batches)
    assert proven.pairs == q.shape[1] * wanted


def test_a_key_loud_enough_to_overcome_its_bias_is_kept() -> None:
    bias = scene(5)
    query = int((bias.query_class == 1).nonzero()[0])
    row = bias.tile(torch.tensor([query]))[0]
    key = int(((row < -60) & row.isfinite()).nonzero()[0])
    q, k, v = tokens(bias.keys)
    q[:, :, query] = 6.0
    k[:, :, key] = 6.0  # a logit of 102 against a bias of -69
    assert not found(bias).is_exact(q, k)
    plan = BiasPlan(bias)
    out = attend(q, k, v, plan, sdpa)
    torch.testing.assert_close(out[:, query], v[:, :, key].flatten(1), rtol=0, atol=1e-4)
    torch.testing.assert_close(out, attend(q, k, v, plan, sdpa, dense=True))


@pytest.mark.parametrize("item", [0, 1])
@pytest.mark.parametrize("head", [0, 1, 2])
@pytest.mark.parametrize("token", [0, 700, -1])
def test_one_loud_query_or_key_anywhere_is_seen(item: int, head: int, token: int) -> None:
    bias = scene(5)
    faint = found(bias)
    q, k, _ = tokens(bias.keys)
    for tensor in (q, k):
        before = tensor[item, head, token].clone()
        tensor[item, head, token] *= 1000
        assert not faint.is_exact(q, k)
        tensor[item, head, token] = before
    assert faint.is_exact(q, k)


def test_what_all_keys_have_in_common_does_not_count() -> None:
    """It shifts a query's logits alike; the keys of real models have a large common part."""
    bias = scene(5)
    q, k, v = tokens(bias.keys)
    k = k + 10.0
    assert found(bias).is_exact(q, k)
    assert left_out_share(bias, found(bias).shut, q, k) <= NEGLIGIBLE


def test_keys_that_are_all_the_same_have_no_distance() -> None:
    k = torch.full((1, 1, 50, 8), 3.0)
    distance = farthest(k, k[:, :, :4])
    assert bool(distance.isfinite().all()) and float(distance.amax()) < 0.2 * 3 * math.sqrt(8)
    assert found(scene(5)).is_exact(torch.ones(1, 1, 1270, 8), torch.zeros(1, 1, 1270, 8))


@pytest.mark.parametrize("at_a_time", [1, 1 << 12, 4 << 20])
def test_the_farthest_key_is_as_far_as_the_naive_loop_finds_or_little_more(
    at_a_time: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "PROOF_BYTES", at_a_time)
    _, k, _ = tokens(300, dtype=torch.bfloat16)
    means = k[:, :, :30].unflatten(2, (10, 3)).mean(3)
    wanted = torch.cdist(means.float(), k.float()).amax(3)
    distance = farthest(k, means)
    assert bool((wanted <= distance).all() and (distance <= 1.1 * wanted).all())


def test_the_proof_holds_about_four_mebibytes_at_a_time() -> None:
    k, means = torch.randn(1, 1, 4096, 8), torch.randn(1, 1, 1024, 8)  # 16 MiB of distances
    peak = peak_bytes(lambda: farthest(k, means), torch.device("cpu"))
    assert 4 << 20 <= peak < 5 << 20


def test_nothing_is_proven_with_values_that_are_not_numbers() -> None:
    bias = scene(5)
    for which in (0, 1):
        parts = tokens(bias.keys)
        parts[which][0, 0, 5, 0] = math.nan
        assert not found(bias).is_exact(parts[0], parts[1])


SIDE = 20


@pytest.mark.parametrize(
    "bias",
    [
        scene(5, temperature=8.0),
        scene(5, epsilon=1e-6),
        idattn_bias(job_layout(5, (SIDE, SIDE)), job_masks(5, (SIDE, SIDE)), kind="dis"),
    ],
    ids=["tau 8", "epsilon of the released code", "idattn"],
)
def test_a_bias_without_faint_keys_needs_no_proof(bias: AttentionBias) -> None:
    assert find_faint(bias) is None


def test_the_keys_compared_with_are_open_to_their_class_and_spread_over_them() -> None:
    for instances in (1, 30):
        bias = scene(instances)
        anchors = found(bias).anchors
        assert anchors.shape == (len(bias.rows), min(16, 1024 // len(bias.rows)))
        for row, places in zip(bias.rows, anchors, strict=True):
            seen = ((row[bias.key_group] == 0) & (bias.key_class == 0)).nonzero()[:, 0]
            wanted = [i * len(seen) // anchors.shape[1] for i in range(anchors.shape[1])]
            assert torch.equal(places, seen[wanted])


def test_there_are_no_more_anchors_than_open_keys_nor_than_1024_in_all() -> None:
    assert found(aligned({-69.0: 10}, opened=5)[0]).anchors.shape == (1, 5)
    row = aligned({-69.0: 10}, opened=20)[0].rows
    for classes, wanted in ((64, (64, 16)), (65, (65, 15)), (1024, (1024, 1))):
        bias = rows_bias(row.repeat(classes, 1), [1] * classes)
        assert found(bias).anchors.shape == wanted
    assert find_faint(rows_bias(row.repeat(1025, 1), [1] * 1025)) is None


def test_nothing_is_proven_for_a_class_that_sees_no_key_with_bias_0() -> None:
    row = aligned({-69.0: 10})[0].rows
    assert find_faint(rows_bias(torch.cat([row, row - 1]), [1, 1])) is None
