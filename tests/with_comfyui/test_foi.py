"""Locate Instruction (FoI) and FoI Guider on a real ComfyUI."""

from __future__ import annotations

import pytest
import torch

from instance_edit.host.call import WRAPPER
from instance_edit.host.foi_attention import FOI
from instance_edit.host.keywords import instruction_tokens
from instance_edit.host.sampling_run import SamplingRun, sample_guided
from instance_edit.mask_ops.found_masks import spread_tokens
from instance_edit.tests.with_comfyui.comfyui import samplers
from instance_edit.tests.with_comfyui.core import (
    random_conditioning,
    random_latent,
    reference,
    run_node,
    sample_custom,
)
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.locating import (
    INSTRUCTIONS,
    SIGMAS,
    locate_instruction,
    spans_for,
)

MODELS = ["flux1_deep", "flux1", "flux2_deep", "flux2_with_guidance"]
TWO = ("a red cat", "a big dog")
DISTILLED = {"form": "guidance-distilled", "strength": 1.0}
WITH_CFG = {"form": "with CFG", "image_scale": 1.5, "text_scale": 7.5}


@pytest.fixture(params=MODELS)
def model(request):
    return request.getfixturevalue(request.param)


def two_spans(model, references=1, seed=1):
    return spans_for(model, (2, 3, 4), TWO, seed=seed, references=references)


def guide(nodes, model, regions, positive=None, **changes):
    inputs = {
        "positive": two_spans(model) if positive is None else positive,
        "negative": random_conditioning(model, tokens=4, seed=8),
        "regions": tuple(regions),
        "boost": 1.0,
        "plain_steps": 1,
        "form": DISTILLED,
        **changes,
    }
    return run_node(nodes["InstanceEditFoIGuider"], model=model, **inputs)[0]


def run(guider, latent, sigmas=SIGMAS, sampler="euler"):
    how = SamplingRun(latent, samplers.sampler_object(sampler), sigmas, 3)
    return sample_guided(guider, how)


def null_conditioning(model, positive):
    """What v(I,0) is conditioned on: the negative's text at the length of the instructions."""
    [[text, extras]] = positive
    [[empty, nothing]] = random_conditioning(model, tokens=4, seed=8)
    repeated = empty.repeat(1, 3, 1)[:, : text.shape[1]]
    return [[repeated, {**extras, "model_conds": {}, **nothing}]]


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("form", [DISTILLED, WITH_CFG])
def test_it_samples_with_batches_references_and_both_forms(pack_nodes, model, batch, form):
    positive = two_spans(model, references=2)
    guider = guide(pack_nodes, model, Editor(pack_nodes).regions(TWO), positive, form=form)
    latent = random_latent(model, 8, 12, batch=batch)
    first = run(guider, latent)
    assert first.shape == latent["samples"].shape and first.isfinite().all()
    assert torch.equal(run(guider, latent), first)
    assert FOI not in model.wrappers.get(WRAPPER, {})


def test_items_of_a_batch_do_not_mix(pack_nodes, model):
    regions = Editor(pack_nodes).regions(TWO)
    pictures = random_latent(model, batch=2, seed=10)["samples"]
    latent = {**random_latent(model, batch=2), "batch_index": [0, 1]}

    def edit(latent, picture):
        positive = reference(two_spans(model, references=0), {"samples": picture})
        return run(guide(pack_nodes, model, regions, positive), latent)

    both = edit(latent, pictures)
    for n in (0, 1):
        one = {"samples": latent["samples"][n : n + 1], "batch_index": [n]}
        found = edit(one, pictures[n : n + 1])
        torch.testing.assert_close(found[0], both[n], atol=1e-4, rtol=1e-4)


def test_full_masks_without_boost_are_the_plain_edit(pack_nodes, model):
    regions = Editor(pack_nodes).regions(TWO, torch.ones(2, 8, 8))
    positive, latent = two_spans(model), random_latent(model)
    found = run(guide(pack_nodes, model, regions, positive, boost=0.0), latent)
    wanted = sample_custom(model, positive, positive, latent, SIGMAS.tolist(), seed=3)
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)


def test_outside_the_masks_the_first_steps_are_the_null_edit(pack_nodes, model):
    regions = Editor(pack_nodes).regions(TWO)
    positive, latent = two_spans(model), random_latent(model)
    null = null_conditioning(model, positive)
    found = run(guide(pack_nodes, model, regions, positive), latent, SIGMAS[:2])
    plain = sample_custom(model, null, null, latent, SIGMAS[:2].tolist(), seed=3)
    torch.testing.assert_close(found[..., :4, 4:], plain[..., :4, 4:], atol=1e-4, rtol=1e-4)
    assert not torch.allclose(found[..., :4, :4], plain[..., :4, :4], atol=1e-3)


def test_before_its_window_an_instruction_does_nothing(pack_nodes, model):
    regions = Editor(pack_nodes).regions(TWO, start=0.9)
    positive, latent = two_spans(model), random_latent(model)
    null = null_conditioning(model, positive)
    found = run(guide(pack_nodes, model, regions, positive, boost=9.0), latent, SIGMAS[:3])
    wanted = sample_custom(model, null, null, latent, SIGMAS[:3].tolist(), seed=3)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_boost_and_strength_act(pack_nodes, model):
    editor, latent = Editor(pack_nodes), random_latent(model)
    plain = run(guide(pack_nodes, model, editor.regions(TWO), boost=0.0), latent)
    lifted = run(guide(pack_nodes, model, editor.regions(TWO), boost=20.0), latent)
    silent = run(guide(pack_nodes, model, editor.regions(TWO, strength=0.0), boost=20.0), latent)
    assert not torch.allclose(lifted, plain)
    assert torch.equal(silent, plain)


def test_the_first_steps_attention_is_plain(pack_nodes, model):
    regions, latent = Editor(pack_nodes).regions(TWO), random_latent(model)
    one = run(guide(pack_nodes, model, regions, boost=50.0), latent, SIGMAS[:2])
    other = run(guide(pack_nodes, model, regions, boost=0.0), latent, SIGMAS[:2])
    acting = run(guide(pack_nodes, model, regions, boost=50.0, plain_steps=0), latent, SIGMAS[:2])
    assert torch.equal(one, other)
    assert not torch.allclose(acting, one)


def test_guidance_with_cfg_uses_a_branch_without_picture(pack_nodes, flux1_deep):
    regions, latent = Editor(pack_nodes).regions(TWO), random_latent(flux1_deep)
    neutral = {"form": "with CFG", "image_scale": 1.0, "text_scale": 1.0}
    guided = {"form": "with CFG", "image_scale": 2.0, "text_scale": 1.0}
    plain = run(guide(pack_nodes, flux1_deep, regions), latent)
    same = run(guide(pack_nodes, flux1_deep, regions, form=neutral), latent)
    torch.testing.assert_close(same, plain, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(
        run(guide(pack_nodes, flux1_deep, regions, form=guided), latent), plain
    )


def test_an_interrupted_run_leaves_nothing(pack_nodes, model):
    regions, latent = Editor(pack_nodes).regions(TWO), random_latent(model)
    positive = two_spans(model)
    before = sample_custom(model, positive, positive, latent, SIGMAS.tolist())
    guider = guide(pack_nodes, model, regions, positive)
    wanted = run(guider, latent)

    def stop(*_):
        raise KeyboardInterrupt

    noise = torch.randn(latent["samples"].shape)
    euler = samplers.sampler_object("euler")
    with pytest.raises(KeyboardInterrupt):
        guider.sample(noise, latent["samples"], euler, SIGMAS, callback=stop, disable_pbar=True)
    assert torch.equal(sample_custom(model, positive, positive, latent, SIGMAS.tolist()), before)
    assert torch.equal(run(guider, latent), wanted)


def test_a_foreign_mask_is_kept(pack_nodes, flux1_deep):
    """Another pack shuts the reference's keys: FoI's attention does not look there either."""
    regions, latent = Editor(pack_nodes).regions(TWO), random_latent(flux1_deep)

    def shutting(executor, x, timestep, context, *args, **kwargs):
        total = context.shape[1] + 2 * 16
        mask = torch.zeros(1, total, total)
        mask[..., context.shape[1] + 16 :] = float("-inf")
        return executor(x, timestep, context, *args, **kwargs, attention_mask=mask)

    patched = flux1_deep.clone()
    patched.add_wrapper_with_key("diffusion_model", "foreign", shutting)
    one = two_spans(flux1_deep)
    [[text, extras]] = one
    other = [
        [text, {**extras, "reference_latents": [random_latent(flux1_deep, seed=99)["samples"]]}]
    ]
    outs = [run(guide(pack_nodes, patched, regions, c), latent) for c in (one, other)]
    torch.testing.assert_close(outs[0], outs[1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("read_from", ["latent", "reference"])
def test_the_locator_gives_masks_regions_and_preview(pack_nodes, model, tiny_clip_flux1, read_from):
    latent = random_latent(model, 8, 8)
    masks, regions, preview = locate_instruction(
        pack_nodes,
        model,
        tiny_clip_flux1,
        conditioning=spans_for(model, references=2),
        latent=latent,
        read_from=read_from,
    )
    scale = model.get_model_object("latent_format").spacial_downscale_ratio
    assert masks.shape == (3, 8 * scale, 8 * scale)
    assert tuple(region.instruction for region in regions) == INSTRUCTIONS
    assert preview.shape[0] == 3
    again = locate_instruction(
        pack_nodes,
        model,
        tiny_clip_flux1,
        conditioning=spans_for(model, references=2),
        latent=latent,
        read_from=read_from,
    )
    assert torch.equal(again[0], masks)
    assert not model.wrappers.get(WRAPPER)


def test_a_lower_threshold_gives_larger_masks(pack_nodes, model, tiny_clip_flux1):
    low = locate_instruction(pack_nodes, model, tiny_clip_flux1, threshold=0.05)[0]
    high = locate_instruction(pack_nodes, model, tiny_clip_flux1, threshold=0.9)[0]
    assert (low >= high).all() and low.sum() > high.sum()


def test_its_regions_feed_the_guider(pack_nodes, model, tiny_clip_flux1):
    positive, latent = spans_for(model, references=1), random_latent(model)
    _, regions, _ = locate_instruction(
        pack_nodes, model, tiny_clip_flux1, conditioning=positive, latent=latent
    )
    assert run(guide(pack_nodes, model, regions, positive), latent).isfinite().all()


@pytest.mark.parametrize("clip_name", ["tiny_clip_flux1", "tiny_clip_klein", "tiny_clip_flux2_dev"])
def test_marked_words_are_the_tokens_that_differ_without_them(pack_nodes, clip_name, request):
    clip = request.getfixturevalue(clip_name)
    editor = Editor(pack_nodes)
    marked = editor.regions(["replace the [red car] with a bus", "turn it blue"])
    plain = editor.regions(["replace the red car with a bus", "turn it blue"])
    first, second = editor.encode(clip, marked), editor.encode(clip, plain)
    assert torch.equal(first[0][0], second[0][0])
    spans = first[0][1]["model_conds"]["instance_edit"].cond
    tokens = instruction_tokens(clip, spans.instructions[0], "", spans.lengths[1])
    typed = instruction_tokens(clip, "replace the red car with a bus", "car, red", spans.lengths[1])
    assert list(tokens) == list(typed)
    assert 1 < len(tokens) < spans.lengths[1] - 4
    everything = instruction_tokens(clip, "turn it blue", "", 7)
    assert list(everything) == list(range(7))


def test_keywords_beyond_the_kept_tokens_are_refused(tiny_clip_flux1):
    with pytest.raises(ValueError, match="lie beyond the 3 tokens"):
        instruction_tokens(tiny_clip_flux1, "replace the red [car] with a bus", "", 3)


def test_a_step_outside_the_schedule_is_refused(pack_nodes, flux1_deep, tiny_clip_flux1):
    with pytest.raises(ValueError, match=r"step must be 1 \.\. 5"):
        locate_instruction(pack_nodes, flux1_deep, tiny_clip_flux1, step=6)


def test_masks_follow_an_odd_latent(pack_nodes, model, tiny_clip_flux1):
    latent = random_latent(model, 7, 9)
    masks, regions, _ = locate_instruction(pack_nodes, model, tiny_clip_flux1, latent=latent)
    patch = model.get_model_object("diffusion_model").patch_size
    scale = model.get_model_object("latent_format").spacial_downscale_ratio
    grid = (-(-7 // patch), -(-9 // patch))
    tokens = regions[0].on_grid(grid, (7 / patch, 9 / patch))[None].float()
    assert torch.equal(spread_tokens(tokens, patch * scale, (7 * scale, 9 * scale))[0], masks[0])
    guider = guide(pack_nodes, model, regions, spans_for(model, references=1))
    assert run(guider, latent).shape == latent["samples"].shape


def test_a_reference_of_another_size_is_read_on_the_latents_grid(
    pack_nodes, flux1_deep, tiny_clip_flux1
):
    conditioning = reference(spans_for(flux1_deep), random_latent(flux1_deep, 4, 12, seed=5))
    masks, *_ = locate_instruction(
        pack_nodes,
        flux1_deep,
        tiny_clip_flux1,
        conditioning=conditioning,
        read_from="reference",
    )
    assert masks.shape == (3, 64, 64) and masks.any()
