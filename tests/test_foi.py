"""FoI: keyword masks, substituted logits and disentangled blending."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from instance_edit.attention import TokenLayout
from instance_edit.attention.foi import foi_attend, foi_boosts, foi_logits
from instance_edit.mask_ops.foi import Focus, focus, foi_masks
from instance_edit.mask_ops.found_masks import Smoothing, min_max, smooth_maps
from instance_edit.sampling.foi import blend_distilled, blend_guided

LAYOUT = TokenLayout((1, 2, 2), (3, 4), ((2, 2),))
HEADS, WIDTH = 2, 8


def plain_kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    out = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return out.transpose(1, 2).flatten(2)


def random_qkv(pairs: int = 1, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    q, k, v = torch.randn(3, 2 * pairs, HEADS, LAYOUT.total, WIDTH, generator=generator)
    return q, k, v


def two_masks() -> Tensor:
    masks = torch.zeros(2, 3, 4, dtype=torch.bool)
    masks[0, :2, :2] = True
    masks[1, 1:, 1:3] = True
    return masks


def naive(q: Tensor, k: Tensor, v: Tensor, strengths: list[float], sigma: float) -> Tensor:
    """One query, head and key at a time."""
    inside = two_masks().flatten(1)
    out = plain_kernel(q, k, v, None)
    for item in range(0, q.shape[0], 2):
        for h in range(HEADS):
            for p, query in enumerate(range(*LAYOUT.latent_span.indices(LAYOUT.total))):
                own = q[item, h, query] @ k[item, h].T / WIDTH**0.5
                null = q[item + 1, h, query] @ k[item + 1, h].T / WIDTH**0.5
                peak = own[: LAYOUT.text_total].max()
                logits = own.clone()
                for n in (1, 2):
                    for key in range(*LAYOUT.text_span(n).indices(LAYOUT.total)):
                        xi = 0.05 * sigma**4
                        boosted = own[key] + strengths[n - 1] * xi * (peak - own[key])
                        logits[key] = boosted if inside[n - 1, p] else null[key]
                row = logits.softmax(0) @ v[item, h]
                out[item, query, h * WIDTH : (h + 1) * WIDTH] = row
    return out


@pytest.mark.parametrize("chunk", [1, 64 * 2**20])
@pytest.mark.parametrize("pairs", [1, 2])
def test_attention_is_the_formula_query_by_query(
    chunk: int, pairs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instance_edit.attention.capture.CHUNK_BYTES", chunk)
    q, k, v = random_qkv(pairs)
    boosts = foi_boosts([1.0, 6.0], 0.9)
    found = foi_attend(q, k, v, LAYOUT, two_masks(), boosts, plain_kernel)
    torch.testing.assert_close(found, naive(q, k, v, [1.0, 6.0], 0.9), atol=1e-5, rtol=1e-5)


def test_no_more_logits_are_handed_to_the_kernel_than_a_chunk_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three pairs, two heads, 21 keys in float32: 504 bytes a query, so four in 2,047 bytes."""
    monkeypatch.setattr("instance_edit.attention.capture.CHUNK_BYTES", 2047)
    sizes: list[int] = []

    def kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        sizes.extend([] if mask is None else [mask.nbytes])
        return plain_kernel(q, k, v, mask)

    q, k, v = random_qkv(pairs=3)
    foi_attend(q, k, v, LAYOUT, two_masks(), foi_boosts([1.0, 1.0], 1.0), kernel)
    assert sizes == [4 * 504] * 3


def test_only_latents_of_the_instructed_branch_change() -> None:
    q, k, v = random_qkv()
    found = foi_attend(q, k, v, LAYOUT, two_masks(), foi_boosts([1.0, 1.0], 1.0), plain_kernel)
    plain = plain_kernel(q, k, v, None)
    assert torch.equal(found[1], plain[1])
    assert torch.equal(found[0, : LAYOUT.text_total], plain[0, : LAYOUT.text_total])
    assert torch.equal(found[0, LAYOUT.latent_span.stop :], plain[0, LAYOUT.latent_span.stop :])
    assert not torch.allclose(found[0, LAYOUT.latent_span], plain[0, LAYOUT.latent_span])


def test_full_masks_without_boost_change_nothing() -> None:
    q, k, v = random_qkv()
    everywhere = torch.ones(2, 3, 4, dtype=torch.bool)
    found = foi_attend(q, k, v, LAYOUT, everywhere, torch.zeros(2), plain_kernel)
    torch.testing.assert_close(found, plain_kernel(q, k, v, None), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, LAYOUT.total), (2, LAYOUT.total)])
def test_another_packs_mask_is_added(shape: tuple[int, int]) -> None:
    q, k, v = random_qkv()
    generator = torch.Generator().manual_seed(5)
    mask = torch.randn(shape[0], 1, shape[1], LAYOUT.total, generator=generator)
    everywhere = torch.ones(2, 3, 4, dtype=torch.bool)
    found = foi_attend(q, k, v, LAYOUT, everywhere, torch.zeros(2), plain_kernel, mask)
    torch.testing.assert_close(found, plain_kernel(q, k, v, mask), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("items", [1, 4])
def test_of_another_packs_mask_each_pair_gets_its_own_instructed_item(items: int) -> None:
    q, k, v = random_qkv(pairs=2)
    generator = torch.Generator().manual_seed(5)
    mask = torch.randn(items, 1, LAYOUT.total, LAYOUT.total, generator=generator)
    masks, boosts = two_masks(), torch.tensor([0.3, 0.1])
    found = foi_attend(q, k, v, LAYOUT, masks, boosts, plain_kernel, mask)
    for pair in range(2):
        own = slice(2 * pair, 2 * pair + 2)
        alone = foi_attend(
            q[own],
            k[own],
            v[own],
            LAYOUT,
            masks,
            boosts,
            plain_kernel,
            mask[own] if items > 1 else mask,
        )
        torch.testing.assert_close(found[own], alone, atol=1e-6, rtol=1e-5)


def test_a_boost_of_one_lifts_every_word_of_its_instance_to_the_loudest_of_all_words() -> None:
    own, null = torch.randn(2, 1, 1, 1, 5, generator=torch.Generator().manual_seed(8))
    prompts, inside = torch.tensor([0, 1, 1, 2, 2]), torch.tensor([[True], [False]])
    logits = foi_logits(own, null, prompts, inside, torch.tensor([1.0, 1.0]))[0, 0, 0]
    loudest = own.max()
    torch.testing.assert_close(logits[1:3], loudest.expand(2))
    assert torch.equal(logits[3:], null[0, 0, 0, 3:]) and logits[0] == own[0, 0, 0, 0]


def test_the_global_prompt_keeps_its_logits() -> None:
    own, null = torch.randn(2, 1, 1, 3, 5, generator=torch.Generator().manual_seed(0))
    prompts = torch.tensor([0, 1, 1, 2, 2])
    logits = foi_logits(own, null, prompts, torch.zeros(2, 3, dtype=torch.bool), torch.ones(2))
    assert torch.equal(logits[..., 0], own[..., 0])
    assert torch.equal(logits[..., 1:], null[..., 1:])


def test_each_map_is_squared_and_stretched_three_times() -> None:
    maps = torch.rand(2, 6, 5, generator=torch.Generator().manual_seed(1)) + 0.1
    expected = min_max(min_max(min_max(maps.square()).square()).square())
    torch.testing.assert_close(focus(maps), expected)


@pytest.mark.parametrize(
    "grid", [(64, 48), (23, 64), (64, 23), (7, 5), (16, 16), (17, 3), (1, 40), (40, 1)]
)
def test_a_grid_is_pooled_smoothed_focused_and_spread_again(grid: tuple[int, int]) -> None:
    """The longer side becomes 16 if it is more, the other one in proportion, at least 1."""
    attention = torch.rand(2, *grid, generator=torch.Generator().manual_seed(6))
    factor = max(1.0, max(grid) / 16)
    pooled = [max(1, round(side / factor)) for side in grid]
    small = torch.nn.functional.adaptive_avg_pool2d(attention[:, None], pooled)[:, 0]
    wanted = focus(smooth_maps(small, 3, 0.5))
    maps = foi_masks(attention, Focus(0.3)).maps
    assert maps.shape == attention.shape
    for y in range(grid[0]):
        for x in range(grid[1]):
            cell = [
                int((place + 0.5) * few / many)
                for place, few, many in zip((y, x), pooled, grid, strict=True)
            ]
            assert torch.equal(maps[:, y, x], wanted[:, cell[0], cell[1]])


@pytest.mark.parametrize("gamma", [0, 1, 2, 5])
def test_gamma_is_how_often_a_map_is_squared_and_stretched(gamma: int) -> None:
    maps = torch.rand(2, 6, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = min_max(maps) if gamma == 0 else maps
    for _ in range(gamma):
        low, high = expected.square().amin((1, 2)), expected.square().amax((1, 2))
        expected = (expected.square() - low[:, None, None]) / (high - low)[:, None, None]
    torch.testing.assert_close(focus(maps, gamma), expected)


def test_a_negative_gamma_is_refused() -> None:
    with pytest.raises(ValueError, match="gamma must be 0 or more, got -1"):
        focus(torch.rand(1, 4, 4), -1)


def test_gamma_and_smoothing_shape_the_map_before_its_threshold() -> None:
    attention = torch.rand(2, 9, 7, generator=torch.Generator().manual_seed(6))
    found = foi_masks(attention, Focus(0.4, 1, Smoothing(5, 2.0)))
    assert torch.equal(found.maps, focus(smooth_maps(attention, 5, 2.0), 1))
    assert torch.equal(found.masks, found.maps > 0.4)


def test_the_threshold_decides_and_is_kept_for_every_map() -> None:
    attention = torch.rand(3, 6, 6, generator=torch.Generator().manual_seed(7))
    for threshold in (0.05, 0.6):
        found = foi_masks(attention, Focus(threshold))
        assert found.thresholds.tolist() == pytest.approx([threshold] * 3)
        assert torch.equal(found.masks, found.maps > threshold)


def test_a_mask_is_where_the_keyword_is_attended() -> None:
    attention = torch.full((1, 9, 9), 0.05)
    attention[0, 3:6, 6:9] = 0.5
    found = foi_masks(attention)
    rows, columns = found.masks[0].nonzero(as_tuple=True)
    assert (4, 7) in zip(rows.tolist(), columns.tolist(), strict=True)
    assert set(rows.tolist()) <= {3, 4, 5} and set(columns.tolist()) <= {6, 7, 8}
    assert found.maps.amin() >= 0 and found.maps.amax() == 1


def test_a_large_grid_is_pooled_to_sixteen() -> None:
    attention = torch.rand(1, 64, 48, generator=torch.Generator().manual_seed(2))
    maps = foi_masks(attention).maps
    assert maps.shape == (1, 64, 48)
    cells = maps.view(1, 16, 4, 12, 4)
    assert torch.equal(cells, cells[:, :, :1, :, :1].expand_as(cells))


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_outside_the_map_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        foi_masks(torch.rand(1, 4, 4), Focus(threshold))


def test_blending_follows_its_formula_pixel_by_pixel() -> None:
    generator = torch.Generator().manual_seed(3)
    text, null, none = torch.randn(3, 1, 2, 4, 4, generator=generator)
    union = torch.zeros(4, 4)
    union[1:3, :2] = 1
    distilled = blend_distilled(text, null, union, strength=1.3)
    guided = blend_guided(text, null, none, union, image_scale=1.5, text_scale=7.5)
    for y in range(4):
        for x in range(4):
            at = (0, slice(None), y, x)
            gap = (text[at] - null[at]) * union[y, x]
            torch.testing.assert_close(distilled[at], null[at] + 1.3 * gap)
            expected = none[at] + 1.5 * (null[at] - none[at]) + 7.5 * gap
            torch.testing.assert_close(guided[at], expected)


def test_neutral_scales_without_a_mask_are_the_instructed_prediction() -> None:
    generator = torch.Generator().manual_seed(4)
    text, null, none = torch.randn(3, 1, 2, 4, 4, generator=generator)
    torch.testing.assert_close(blend_distilled(text, null, None), text)
    torch.testing.assert_close(
        blend_guided(text, null, none, None, image_scale=1, text_scale=1), text
    )
