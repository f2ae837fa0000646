"""IID: maps, masks, composed latents and the bias of phase B."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from instance_edit.attention import TokenLayout
from instance_edit.attention.iid import iid_bias
from instance_edit.mask_ops.found_masks import Smoothing, smooth_maps
from instance_edit.mask_ops.iid import iid_maps, iid_masks
from instance_edit.mask_ops.otsu import otsu_threshold
from instance_edit.sampling.iid import compose_branches, default_steps
from instance_edit.tests.bias_cases import scenes, told
from instance_edit.tests.naive_bias import Scene, naive_iid

LAYOUT = TokenLayout((2, 3, 1), (3, 4), ((2, 2), (2, 2)))


def two_masks() -> Tensor:
    masks = torch.zeros(2, 3, 4, dtype=torch.bool)
    masks[0, :2, :2] = True
    masks[1, 1:, 1:3] = True  # shares the token (1, 1)
    return masks


@settings(max_examples=80, deadline=None)
@given(scenes())
def test_the_bias_equals_the_naive_loops(case: tuple[TokenLayout, Scene]) -> None:
    layout, scene = case
    assert torch.equal(iid_bias(layout, scene.masks, **told(scene)).dense(), naive_iid(scene))


def test_no_instruction_reads_another() -> None:
    dense = iid_bias(LAYOUT, two_masks()).dense()
    assert (dense[LAYOUT.text_span(1), LAYOUT.text_span(2)] == -math.inf).all()
    assert (dense[LAYOUT.text_span(2), LAYOUT.text_span(1)] == -math.inf).all()


def test_strength_scales_what_an_instance_hears_and_zero_silences_it_everywhere() -> None:
    dense = iid_bias(LAYOUT, two_masks(), strengths=[2.0, 0.0]).dense()
    first = LAYOUT.latent_span.start
    torch.testing.assert_close(dense[first, LAYOUT.text_span(1)], torch.full((3,), math.log(2.0)))
    image = dense[LAYOUT.latent_span.start :, LAYOUT.text_span(2)]
    assert (image == -math.inf).all()


def test_an_inactive_instance_is_background() -> None:
    whole = iid_bias(LAYOUT, two_masks(), active=[True, False]).dense()
    own = LAYOUT.latent_span.start + 2 * 4 + 2  # in instance 2 alone
    assert (whole[own, LAYOUT.text_span(2)] == -math.inf).all()
    assert (whole[own, LAYOUT.text_span(0)] == 0).all()
    references = whole[LAYOUT.latent_span.stop :]
    assert (references[:, LAYOUT.text_span(2)] == -math.inf).all()
    assert (references[:, LAYOUT.text_span(1)] == 0).all()


@pytest.mark.parametrize("branches", [2, 3])
def test_the_map_is_what_a_branch_attends_more_than_the_others(branches: int) -> None:
    attention = torch.rand(branches, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    maps = iid_maps(attention)
    for i in range(branches):
        for y in range(4):
            for x in range(5):
                heads = []
                for h in range(2):
                    others = [float(attention[k, h, y, x]) for k in range(branches) if k != i]
                    heads.append(max(0.0, float(attention[i, h, y, x]) - sum(others) / len(others)))
                assert float(maps[i, y, x]) == pytest.approx(sum(heads) / 2, abs=1e-6)


def test_one_branch_alone_keeps_its_attention() -> None:
    attention = torch.rand(1, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(iid_maps(attention), attention.mean(1))


def test_masks_are_where_the_branches_differ() -> None:
    attention = torch.full((2, 3, 6, 6), 0.01)
    attention[0, :, 1:3, 1:3] = 0.5
    attention[1, :, 4:, 3:5] = 0.5
    found = iid_masks(attention, Smoothing(1, 1.0))
    expected = torch.zeros(2, 6, 6, dtype=torch.bool)
    expected[0, 1:3, 1:3] = True
    expected[1, 4:, 3:5] = True
    assert torch.equal(found.masks, expected)


def test_each_branch_speaks_in_its_mask_and_all_outside() -> None:
    latents = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    masks = torch.zeros(3, 5, 6, dtype=torch.bool)
    masks[0, :3, :3] = True
    masks[1, 2:4, 2:5] = True
    composed = compose_branches(latents, masks)
    for y in range(5):
        for x in range(6):
            members = [n for n in range(3) if masks[n, y, x]] or [0, 1, 2]
            expected = torch.stack([latents[:, n, :, y, x] for n in members]).mean(0)
            torch.testing.assert_close(composed[:, :, y, x], expected)


@pytest.mark.parametrize(
    ("total", "steps"), [(28, 8), (4, 1), (2, 1), (1, 1), (20, 6), (6, 2), (9, 3)]
)
def test_phase_a_takes_thirty_percent_rounded_and_at_least_one_step(total: int, steps: int) -> None:
    assert default_steps(total) == steps


def test_masks_are_otsus_upper_class_of_the_smoothed_map() -> None:
    attention = torch.rand(3, 2, 8, 6, generator=torch.Generator().manual_seed(9))
    found = iid_masks(attention, Smoothing(5, 0.7))
    maps = smooth_maps(iid_maps(attention), 5, 0.7)
    assert torch.equal(found.maps, maps)
    for n in range(3):
        assert found.thresholds[n] == otsu_threshold(maps[n].flatten())
    assert torch.equal(found.masks, maps > found.thresholds[:, None, None])


def test_composed_latents_keep_their_dtype() -> None:
    latents = torch.randn(1, 2, 4, 3, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert compose_branches(latents, torch.ones(2, 3, 3, dtype=torch.bool)).dtype == torch.bfloat16
