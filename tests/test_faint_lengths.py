"""Leaving out keys by the lengths of queries and keys alone, and by a decision made elsewhere."""

import math

import pytest
import torch
from torch import Tensor

from instance_edit.attention import AttentionBias
from instance_edit.attention.execute.attend import attend
from instance_edit.attention.execute.faint import Faint, find_faint
from instance_edit.attention.execute.plan import BiasPlan
from instance_edit.tests.attending import Spy, rows_bias, scene, sdpa, tokens
from instance_edit.tests.test_faint import NEGLIGIBLE, found, left_out_share

WIDTH = 8


def opposed(level: float, count: int, length: float) -> tuple[AttentionBias, Tensor, Tensor]:
    """The worst case: the query points at every faint key and away from every open one.

    Args:
        level: the faint keys' bias.
        count: how many they are, beside 16 open ones.
        length: of the query; every key has length 1.
    """
    row = torch.cat([torch.zeros(16), torch.full((count,), level)])
    direction = torch.nn.functional.normalize(torch.arange(1.0, WIDTH + 1), dim=0)
    k = torch.where((row < 0)[:, None], direction, -direction)
    return rows_bias(row[None], [1]), length * direction[None, None, None], k[None, None]


def longest_proven(faint: Faint) -> float:
    """The largest product of lengths that proves itself, to within a thousandth."""
    low, high = 1e-4, 1e5
    assert faint.is_exact_below(low, WIDTH) and not faint.is_exact_below(high, WIDTH)
    while high > 1.001 * low:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if faint.is_exact_below(middle, WIDTH) else (low, middle)
    return low


@pytest.mark.parametrize("level", [-41.0, -69.0])
@pytest.mark.parametrize("count", [1, 1600, 16000])
def test_lengths_prove_no_more_than_any_directions_allow_and_little_less(
    level: float, count: int
) -> None:
    faint = found(opposed(level, count, 1.0)[0])
    product = longest_proven(faint)
    bias, q, k = opposed(level, count, product)
    assert left_out_share(bias, faint.shut, q, k) <= NEGLIGIBLE
    bias, q, k = opposed(level, count, 1.5 * product)
    assert left_out_share(bias, faint.shut, q, k) > NEGLIGIBLE * count / (count + 16)


def test_where_lengths_prove_it_the_queries_and_keys_do_too() -> None:
    bias = scene(5)
    faint = found(bias)
    product = longest_proven(faint)
    for seed in range(20):
        q, k, _ = tokens(bias.keys, seed=seed)
        lengths = [float(x.norm(dim=-1).amax()) for x in (q, k)]
        assert faint.is_exact(0.97 * product / math.prod(lengths) * q, k)


def test_an_unknown_length_proves_nothing() -> None:
    assert not found(scene(5)).is_exact_below(math.nan, WIDTH)


def test_a_verdict_is_a_tensor_that_nobody_has_read() -> None:
    faint = found(scene(5))
    q, k, _ = tokens(1270)
    for scale, wanted in ((1, True), (1000, False)):
        verdict = faint.verdict(scale * q, k)
        assert verdict.shape == () and verdict.dtype == torch.bool
        assert bool(verdict) is wanted


def test_a_decided_plan_is_not_asked_again_and_computes_what_was_decided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = BiasPlan(scene(5))
    q, k, v = tokens(plan.bias.keys)
    left_out = plan.decided(q, k, lambda *_: True)
    kept = plan.decided(q, k, lambda *_: False)
    assert left_out is plan.without_faint and kept is plan.with_faint
    assert kept.bias is plan.bias and kept.faint is None
    monkeypatch.setattr(Faint, "verdict", None)
    few, all_keys = Spy(), Spy()
    dense = attend(q, k, v, plan, sdpa, dense=True)
    torch.testing.assert_close(attend(q, k, v, left_out, few), dense)
    torch.testing.assert_close(attend(q, k, v, kept, all_keys), dense)
    assert few.pairs < 0.9 * all_keys.pairs


def test_without_faint_keys_there_is_nothing_to_decide() -> None:
    plan = BiasPlan(scene(5, "dis"))
    assert find_faint(plan.bias) is None
    q, k, _ = tokens(plan.bias.keys)
    assert plan.decided(q, k, lambda *_: pytest.fail("was asked")) is plan
    assert plan.with_faint is plan
