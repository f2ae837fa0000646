"""FoI Guider: when its regions take part, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from instance_edit.attention.window import inside_steps
from instance_edit.host import foi_attention as foi_seam
from instance_edit.host.foi_attention import FoISettings, cached_masks
from instance_edit.tests.with_comfyui.comfyui import samplers
from instance_edit.tests.with_comfyui.core import plain_on, random_latent, sample_custom
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.locating import SIGMAS, locate_instruction
from instance_edit.tests.with_comfyui.test_foi import (
    TWO,
    guide,
    null_conditioning,
    run,
    two_spans,
)


def test_regions_of_other_instructions_are_refused(pack_nodes, flux1_deep):
    regions = Editor(pack_nodes).regions(("a", "b"))
    with pytest.raises(ValueError, match="the regions are for"):
        guide(pack_nodes, flux1_deep, regions)


def test_a_model_with_instance_attention_is_refused(pack_nodes, flux1_deep):
    editor = Editor(pack_nodes)
    regions = editor.regions(TWO)
    biased = editor.apply(flux1_deep, editor.bias(regions))
    with pytest.raises(ValueError, match="from before Apply Instance Attention"):
        guide(pack_nodes, biased, regions)


def test_a_regions_window_ends_for_foi_where_it_ends_for_every_other_method(pack_nodes):
    """Just before the end of the window it is over, and an end of 1 includes the last call."""
    regions = Editor(pack_nodes).regions(TWO)
    early, late = replace(regions[0], end=0.5), replace(regions[1], start=0.5)
    masks_for = cached_masks(FoISettings((early, late), 1.0, 1, 1.0))

    def taking_part(progress):
        inside = inside_steps(progress)
        masks = masks_for((4.0, 4.0), inside)
        assert [inside(r.start, r.end) for r in (early, late)] == [
            bool(mask.any()) for mask in masks
        ]
        return [bool(mask.any()) for mask in masks]

    assert taking_part(0.25) == [True, False]
    assert taking_part(0.4999999) == [False, True]
    assert taking_part(0.5) == [False, True]
    assert taking_part(1.0) == [False, True]


def test_region_masks_are_made_once_per_set_that_takes_part(pack_nodes, flux1_deep, monkeypatch):
    made = []
    real = foi_seam.region_masks

    def spy(regions, grid, extent, **options):
        made.append((grid, options["active"]))
        return real(regions, grid, extent, **options)

    monkeypatch.setattr(foi_seam, "region_masks", spy)
    first, second = Editor(pack_nodes).regions(TWO)
    regions = (replace(first, end=0.5), second)
    run(guide(pack_nodes, flux1_deep, regions), random_latent(flux1_deep))
    assert sorted(made) == [((4, 4), (False, True)), ((4, 4), (True, True))]


def go_on(guider, samples, sigmas):
    """The rest of a sampling whose first part ended at ``sigmas[0]``."""
    return guider.sample(
        torch.zeros_like(samples),
        samples,
        samplers.sampler_object("euler"),
        sigmas,
        disable_pbar=True,
        seed=3,
    )


@pytest.mark.parametrize(("share", "steps"), [(0.0, 0), (0.2, 1), (0.6, 3), (1.0, 5)])
def test_the_picture_moves_inside_the_masks_only_for_that_share_of_the_steps(
    pack_nodes, flux1_deep, share, steps
):
    """With regions that never take part: the null edit so far, then core's own edit."""
    positive, latent = two_spans(flux1_deep), random_latent(flux1_deep)
    null = null_conditioning(flux1_deep, positive)
    regions = Editor(pack_nodes).regions(TWO, start=0.95)
    found = run(
        guide(
            pack_nodes,
            flux1_deep,
            regions,
            positive,
            disentangled_share=share,
            modulated_share=0.0,
        ),
        latent,
    )
    plain = samplers.CFGGuider(flux1_deep)
    plain.inner_set_conds({"positive": plain_on(flux1_deep, positive)})
    if not steps:
        expected = sample_custom(flux1_deep, positive, positive, latent, SIGMAS.tolist(), seed=3)
    else:
        first = SIGMAS[: steps + 1].tolist()
        expected = sample_custom(flux1_deep, null, null, latent, first, seed=3)
        if steps < 5:
            expected = go_on(plain, expected, SIGMAS[steps:])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_attention_is_changed_for_the_modulated_share_of_the_steps(pack_nodes, flux1_deep):
    positive, latent = two_spans(flux1_deep), random_latent(flux1_deep)
    regions = Editor(pack_nodes).regions(TWO)

    def guider(plain_steps, share):
        return guide(
            pack_nodes,
            flux1_deep,
            regions,
            positive,
            boost=50.0,
            plain_steps=plain_steps,
            disentangled_share=0.0,
            modulated_share=share,
        )

    found = run(guider(0, 0.4), latent)
    begun = run(guider(0, 1.0), latent, SIGMAS[:3])
    expected = go_on(guider(99, 1.0), begun, SIGMAS[2:])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert torch.equal(run(guider(0, 0.0), latent), run(guider(99, 1.0), latent))
    assert not torch.allclose(run(guider(0, 1.0), latent), found, atol=1e-3)


@pytest.mark.parametrize(("gamma", "sigma"), [(1, 0.5), (3, 1.5)])
def test_the_locators_gamma_and_smoothing_reach_its_masks(
    pack_nodes, flux1_deep, tiny_clip_flux1, gamma, sigma
):
    def masks(**changes):
        latent = random_latent(flux1_deep, 32, 32)
        given = {"latent": latent, "threshold": 0.4, **changes}
        return locate_instruction(pack_nodes, flux1_deep, tiny_clip_flux1, **given)[0]

    usual = masks()
    assert torch.equal(masks(gamma=3, smoothing=3, smoothing_sigma=0.5), usual)
    changed = masks(gamma=gamma, smoothing=5, smoothing_sigma=sigma)
    assert not torch.equal(changed, usual)
    if gamma == 1:
        assert changed.sum() > usual.sum()
