"""Adaptive attention: the same as a bias on the logits, and the region it is cut from."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from instance_edit.attention.capture import text_attention
from instance_edit.attention.lqr_highlight import (
    Highlight,
    highlight_region,
    highlighted_attention,
    middle_ranks,
    published_attention,
)

B, H, TEXT, L, D = 2, 3, 5, 12, 8
Z = TEXT + L


def random(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return (q @ k.transpose(-1, -2) / math.sqrt(D)).softmax(-1) @ v


def highlighted(factor: Tensor, keys: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    q, k, v = random(0, B, H, Z, D), random(1, B, H, Z, D), random(2, B, H, Z, D)
    latents = slice(TEXT, Z)
    words = keys[:TEXT].double().expand(B, 1, -1)
    share = text_attention(q, k, latents, words)[:, :, 0]
    out = plain_attention(q[:, :, latents], k, v)
    return (
        highlighted_attention(q[:, :, latents], k, v, keys, factor, out, share, plain_attention),
        q[:, :, latents],
        k,
        v,
    )


@pytest.fixture
def keys() -> Tensor:
    return torch.tensor([False, True, False, True, True] + [False] * L)


def test_it_is_a_bias_of_the_factors_logarithm_on_the_words(keys: Tensor) -> None:
    factor = torch.where(random(3, B, L) > 0, 2.0, 0.8).double()
    out, q, k, v = highlighted(factor, keys)
    expected = torch.zeros_like(out)
    for b in range(B):
        for h in range(H):
            for i in range(L):
                logits = [
                    float(q[b, h, i] @ k[b, h, j]) / math.sqrt(D)
                    + (math.log(float(factor[b, i])) if keys[j] else 0.0)
                    for j in range(Z)
                ]
                weights = [math.exp(logit) for logit in logits]
                for j in range(Z):
                    expected[b, h, i] += weights[j] / sum(weights) * v[b, h, j]
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-6)


def test_the_odds_between_words_and_other_keys_change_by_the_papers_factor(keys: Tensor) -> None:
    """The paper multiplies weights after the softmax; the same ratio, but rows that sum to 1."""
    factor = torch.full((B, L), 2.0, dtype=torch.float64)
    q, k = random(0, B, H, L, D), random(1, B, H, Z, D)
    one_hot = torch.eye(Z, D).expand(B, H, -1, -1).double()  # reads off the weights of D keys
    before = plain_attention(q, k, one_hot)
    share = plain_attention(q, k, keys[:, None].double().expand(B, H, Z, D).clone())[..., 0]
    after = highlighted_attention(q, k, one_hot, keys, factor, before, share, plain_attention)
    ratio = after / before
    torch.testing.assert_close(ratio[..., 1] / ratio[..., 0], torch.full_like(share, 2.0))
    torch.testing.assert_close(ratio[..., 5] / ratio[..., 0], torch.ones_like(share))
    everything = torch.ones_like(one_hot)
    total = highlighted_attention(
        q, k, everything, keys, factor, torch.ones_like(before), share, plain_attention
    )
    torch.testing.assert_close(total, torch.ones_like(total))


def test_as_published_weights_are_multiplied_after_the_softmax_and_their_sum_is_left(
    keys: Tensor,
) -> None:
    factor = torch.where(random(3, B, L) > 0, 2.0, 0.8).double()
    q, k, v = random(0, B, H, L, D), random(1, B, H, Z, D), random(2, B, H, Z, D)
    plain = plain_attention(q, k, v)
    out = published_attention(q, k, v, keys, factor, plain, plain_attention)
    expected = torch.zeros_like(out)
    for b in range(B):
        for h in range(H):
            for i in range(L):
                logits = [float(q[b, h, i] @ k[b, h, j]) / math.sqrt(D) for j in range(Z)]
                total = sum(math.exp(logit) for logit in logits)
                for j in range(Z):
                    weight = math.exp(logits[j]) / total
                    raised = weight * float(factor[b, i]) if keys[j] else weight
                    expected[b, h, i] += raised * v[b, h, j]
    torch.testing.assert_close(out, expected)
    everything = torch.ones_like(v)
    total = published_attention(
        q, k, everything, keys, factor, everything[:, :, :L], plain_attention
    )
    assert not torch.allclose(total, torch.ones_like(total), atol=1e-3)


def test_a_factor_of_one_changes_nothing(keys: Tensor) -> None:
    out, q, k, v = highlighted(torch.ones(B, L, dtype=torch.float64), keys)
    assert torch.equal(out, plain_attention(q, k, v))


def region_by_hand(maps: list[list[float]], ranks: list[int], threshold: float) -> list[bool]:
    """The paper's region for one picture: ranks are 0-based places among the blocks."""
    sharp = []
    for row in maps:
        stretched = [(value - min(row)) / (max(row) - min(row)) for value in row]
        sharp.append([1 / (1 + math.exp(-10 * (value - 0.5))) for value in stretched])
    ranked = sorted(sharp, key=sum, reverse=True)
    chosen = [ranked[rank] for rank in ranks]
    means = [sum(column) / len(chosen) for column in zip(*chosen, strict=True)]
    return [mean > threshold for mean in means]


@pytest.mark.parametrize(
    ("blocks", "ranks"), [(19, [9, 10, 11, 12, 13]), (8, [4, 5]), (5, [2, 3]), (3, [1]), (1, [0])]
)
@pytest.mark.parametrize("threshold", [0.3, 0.2])
def test_the_region_of_the_paper(blocks: int, ranks: list[int], threshold: float) -> None:
    maps = random(4, blocks, B, 30).abs()
    found = highlight_region(maps, threshold)
    for b in range(B):
        by_hand = region_by_hand(maps[:, b].tolist(), ranks, threshold)
        assert found[b].tolist() == by_hand
        assert 0 < sum(by_hand) < 30


def test_every_depth_has_a_middle_within_its_blocks() -> None:
    for blocks in range(1, 60):
        chosen = range(blocks)[middle_ranks(blocks)]
        assert len(chosen) >= 1
        assert len(chosen) == pytest.approx(5 / 19 * blocks, abs=1)


def test_a_flat_map_gives_no_region() -> None:
    for dtype in (torch.float32, torch.float64):
        for value in (0.0, 0.25):
            assert not highlight_region(torch.full((3, 1, 9), value, dtype=dtype)).any()


def test_a_map_that_equals_the_threshold_is_outside() -> None:
    ramp = torch.linspace(0, 1, 101, dtype=torch.float64)[None, None]
    threshold = float(torch.sigmoid(torch.tensor(1.0, dtype=torch.float64)))  # 10 (0.6 - 0.5)
    region = highlight_region(ramp, threshold - 1e-9)[0]
    assert not region[:60].any() and region[60:].all()
    assert not highlight_region(ramp, threshold + 1e-9)[0, 60]


def test_a_value_that_is_the_threshold_exactly_is_outside() -> None:
    flat = torch.zeros(1, 1, 3, dtype=torch.float64)
    low = float(torch.sigmoid(torch.tensor(-5.0, dtype=torch.float64)))
    assert not highlight_region(flat, low).any()
    assert highlight_region(flat, low - 1e-12).all()


def test_a_flat_map_counts_as_the_faintest_of_its_block() -> None:
    """It says nothing: its sharpened map is low everywhere, and its rank the last."""
    maps = random(7, 8, 1, 30).abs()
    maps[3] = 0.5
    others = [row for n, row in enumerate(maps[:, 0].tolist()) if n != 3]
    assert highlight_region(maps)[0].tolist() == region_by_hand(others, [4, 5], 0.3)


def test_every_item_of_a_batch_ranks_its_own_blocks() -> None:
    maps = random(6, 8, 3, 30).abs()
    whole = highlight_region(maps)
    for b in range(3):
        assert torch.equal(whole[b], highlight_region(maps[:, b : b + 1])[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"inside": 0.0},
        {"inside": -1.0},
        {"outside": 0.0},
        {"outside": -1.0},
        {"threshold": 0.0},
        {"threshold": 1.0},
        {"first_step": 1},
    ],
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Highlight(**wrong)
    Highlight(inside=1e-3, outside=1e-3, threshold=1e-3, first_step=2)
