"""Locate Instances (IID), velocity contrast and phase B on a real ComfyUI."""

from __future__ import annotations

import pytest
import torch

from instance_edit.host.call import WRAPPER
from instance_edit.host.carrier import attach_spans, conditioning_spans
from instance_edit.host.iid import (
    branch_conditioning,
    shut_padding,
    split_branches,
)
from instance_edit.host.sampling_run import SamplingRun, sample_branches
from instance_edit.mask_ops.found_masks import spread_tokens
from instance_edit.mask_ops.iid import iid_maps
from instance_edit.nodes.methods import METHODS
from instance_edit.sampling.iid import compose_branches
from instance_edit.tests.with_comfyui import comfyui
from instance_edit.tests.with_comfyui.core import (
    plain_on,
    random_conditioning,
    random_latent,
    reference,
    sample_custom,
)
from instance_edit.tests.with_comfyui.editing import Editor, method_inputs
from instance_edit.tests.with_comfyui.locating import (
    INSTRUCTIONS,
    SIGMAS,
    locate_by_contrast,
    locate_instances,
    spans_for,
)

MODELS = ["flux1_deep", "flux1", "flux2_deep", "flux2"]


@pytest.fixture(params=MODELS)
def model(request):
    return request.getfixturevalue(request.param)


def patch_of(model) -> int:
    return model.get_model_object("diffusion_model").patch_size


def scale_of(model) -> int:
    return model.get_model_object("latent_format").spacial_downscale_ratio


@pytest.mark.parametrize("references", [0, 2])
@pytest.mark.parametrize("batch", [1, 2])
def test_shapes_with_batches_and_references(pack_nodes, model, references, batch):
    latent = random_latent(model, 8, 12, batch=batch)
    masks, regions, preview, composed, sigmas = locate_instances(
        pack_nodes, model, conditioning=spans_for(model, references=references), latent=latent
    )
    assert masks.shape == (3, 8 * scale_of(model), 12 * scale_of(model))
    assert {float(value) for value in masks.unique()} == {0.0, 1.0}
    assert tuple(region.instruction for region in regions) == INSTRUCTIONS
    assert preview.shape[0] == 3 and preview.shape[-1] == 3
    assert composed["samples"].shape == latent["samples"].shape
    assert torch.equal(sigmas, SIGMAS[2:])


def test_regions_and_masks_are_the_same_tokens(pack_nodes, model):
    masks, regions, *_ = locate_instances(
        pack_nodes, model, conditioning=spans_for(model, seed=2), latent=random_latent(model, 7, 9)
    )
    patch, scale = patch_of(model), scale_of(model)
    extent = (7 / patch, 9 / patch)
    grid = (-(-7 // patch), -(-9 // patch))
    for mask, region in zip(masks, regions, strict=True):
        tokens = region.on_grid(grid, extent)
        spread = spread_tokens(tokens[None].float(), patch * scale, (7 * scale, 9 * scale))[0]
        assert torch.equal(spread, mask)


def test_a_second_run_is_identical_and_the_model_is_untouched(pack_nodes, model):
    first = locate_instances(pack_nodes, model)
    second = locate_instances(pack_nodes, model)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[3]["samples"], second[3]["samples"])
    assert not model.wrappers.get(WRAPPER)


@pytest.mark.parametrize("at_once", [1, 2])
def test_branches_in_turn_are_the_branches_in_one_batch(pack_nodes, model, at_once):
    together = locate_instances(pack_nodes, model)
    apart = locate_instances(pack_nodes, model, branches_at_once=at_once)
    torch.testing.assert_close(apart[3]["samples"], together[3]["samples"], atol=1e-4, rtol=1e-4)
    assert torch.equal(apart[0], together[0])


def test_every_branch_is_what_its_instruction_alone_would_sample(model):
    conditioning = spans_for(model, (2, 3, 9, 1), references=1)
    branches = split_branches(conditioning)
    latent = random_latent(model)
    left = model.get_model_object("diffusion_model").params.global_modulation
    texts, _ = branch_conditioning(branches, left)
    run = SamplingRun(latent, comfyui.samplers.sampler_object("euler"), SIGMAS[:3], 3)
    found = sample_branches(shut_padding(model), texts, run, 3)
    for n, text in enumerate(branches.texts):
        alone = [[text, branches.extras]]
        expected = sample_custom(model, alone, alone, latent, SIGMAS[:3].tolist(), seed=3)
        torch.testing.assert_close(found[:, n], expected, atol=1e-4, rtol=1e-4)


def test_cfg_moves_the_branches_and_needs_a_negative(pack_nodes, flux1):
    negative = random_conditioning(flux1, seed=7)
    plain = locate_instances(pack_nodes, flux1)
    guided = locate_instances(pack_nodes, flux1, cfg=3.0, negative=negative)
    assert not torch.allclose(plain[3]["samples"], guided[3]["samples"])
    with pytest.raises(ValueError, match="cfg 3.0 needs 'negative'"):
        locate_instances(pack_nodes, flux1, cfg=3.0)


def test_the_latent_is_composed_of_the_branches(pack_nodes, flux1_deep):
    masks, _, _, composed, _ = locate_instances(pack_nodes, flux1_deep)
    branches = split_branches(spans_for(flux1_deep))
    ends = [
        sample_custom(
            flux1_deep,
            [[text, branches.extras]],
            [[text, branches.extras]],
            random_latent(flux1_deep),
            SIGMAS[:3].tolist(),
            seed=3,
        )
        for text in branches.texts
    ]
    expected = compose_branches(torch.stack(ends, dim=1), masks[:, ::8, ::8].bool())
    torch.testing.assert_close(composed["samples"], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_its_regions_and_latent_feed_any_method(pack_nodes, model, method):
    conditioning = spans_for(model, references=1)
    _, regions, _, composed, sigmas = locate_instances(pack_nodes, model, conditioning=conditioning)
    editor = Editor(pack_nodes)
    patched = editor.apply(model, editor.bias(regions, method_inputs(method)))
    noiseless = {"samples": composed["samples"]}
    out = continue_from(patched, conditioning, noiseless, sigmas)
    assert out.isfinite().all()
    assert not torch.allclose(out, continue_from(model, conditioning, noiseless, sigmas))


def continue_from(model, conditioning, latent, sigmas):
    samples, conditioning = latent["samples"], plain_on(model, conditioning)
    return comfyui.sample.sample_custom(
        model,
        torch.zeros_like(samples),
        1.0,
        comfyui.samplers.sampler_object("euler"),
        sigmas,
        conditioning,
        conditioning,
        samples,
        disable_pbar=True,
    )


def test_one_instruction_can_be_located(pack_nodes, flux1_deep):
    conditioning = spans_for(flux1_deep, (2, 4), ("a red cat",))
    masks, *_ = locate_instances(pack_nodes, flux1_deep, conditioning=conditioning)
    assert masks.shape[0] == 1 and masks.any() and not masks.all()


def test_regions_keep_their_strength_and_window(pack_nodes, flux1_deep):
    editor = Editor(pack_nodes)
    given = editor.regions(INSTRUCTIONS, torch.ones(3, 8, 8), strength=2.0, end=0.5)
    _, regions, *_ = locate_instances(pack_nodes, flux1_deep, regions=given)
    assert [(region.strength, region.end) for region in regions] == [(2.0, 0.5)] * 3
    with pytest.raises(ValueError, match="Connect the same regions to both"):
        locate_instances(pack_nodes, flux1_deep, regions=given[:2])


@pytest.mark.parametrize("steps", [5, 9])
def test_a_step_must_be_left_for_the_edit(pack_nodes, flux1_deep, steps):
    with pytest.raises(ValueError, match="at least one step must be left"):
        locate_instances(pack_nodes, flux1_deep, steps=steps)


def test_equal_instructions_find_nothing_and_are_named(pack_nodes, flux1_deep):
    conditioning = spans_for(flux1_deep, (2, 3, 3), ("same", "same"))
    [[text, extras]] = conditioning
    text = torch.cat([text[:, :5], text[:, 2:5]], dim=1)
    same = attach_spans([[text, extras]], conditioning_spans(conditioning))
    with pytest.raises(ValueError, match="nothing was found for instruction 1 .*, 2"):
        locate_instances(pack_nodes, flux1_deep, conditioning=same)


def test_a_conditioning_without_spans_is_refused(pack_nodes, flux1_deep):
    with pytest.raises(ValueError, match="Multi-Prompt Encode"):
        locate_instances(pack_nodes, flux1_deep, conditioning=random_conditioning(flux1_deep))


@pytest.mark.parametrize("batch", [1, 2])
def test_contrast_is_the_difference_of_predictions(pack_nodes, model, batch):
    """One step on one latent: the empty instruction against each, asked for one by one."""
    conditioning = spans_for(model, references=1)
    latent = random_latent(model, batch=batch)
    masks, regions, preview = locate_by_contrast(
        pack_nodes, model, conditioning=conditioning, latent=latent, steps=1
    )
    assert masks.shape[0] == len(regions) == preview.shape[0] == 3
    branches = split_branches(conditioning)
    empty = [[conditioning[0][0][:, :4], branches.extras]]
    ends = [
        sample_custom(model, one, one, latent, SIGMAS[:2].tolist(), seed=3)
        for one in [empty, *([[text, branches.extras]] for text in branches.texts)]
    ]
    from instance_edit.mask_ops.contrast import contrast_masks, velocity_contrast

    change = velocity_contrast(torch.stack(ends[1:]), ends[0])
    expected = contrast_masks(change, patch_of(model)).masks
    assert torch.equal(
        spread_tokens(expected.float(), patch_of(model) * scale_of(model), masks.shape[1:]), masks
    )


def test_contrast_needs_steps_of_the_schedule(pack_nodes, flux1_deep):
    with pytest.raises(ValueError, match=r"steps must be 1 \.\. 5"):
        locate_by_contrast(pack_nodes, flux1_deep, steps=6)


def test_maps_differ_between_instructions(pack_nodes, flux2_deep):
    masks, *_ = locate_instances(pack_nodes, flux2_deep, conditioning=spans_for(flux2_deep))
    assert not torch.equal(masks[0], masks[1])
    assert iid_maps(torch.ones(2, 1, 3, 3)).sum() == 0


def test_references_of_another_size_do_not_disturb(pack_nodes, model):
    conditioning = reference(spans_for(model), random_latent(model, 4, 10, seed=5))
    masks, *_ = locate_instances(pack_nodes, model, conditioning=conditioning)
    assert masks.shape == (3, 8 * scale_of(model), 8 * scale_of(model))
