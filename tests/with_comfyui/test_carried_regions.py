"""Regions that travel with the conditioning: one patched model, many pictures."""

from __future__ import annotations

import resource
from dataclasses import replace
from typing import Any

import pytest
import safetensors.torch
import torch

from instance_edit.attention.recipe import BiasRecipe
from instance_edit.host.call import KEY, WRAPPER
from instance_edit.host.carrier import attach_spans, conditioning_spans
from instance_edit.host.regions import recipe_for
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.prompts.spans import PromptSpans
from instance_edit.tests.with_comfyui import comfyui
from instance_edit.tests.with_comfyui.core import (
    random_latent,
    reference,
    run_node,
    sample,
)
from instance_edit.tests.with_comfyui.core_training import train_lora
from instance_edit.tests.with_comfyui.editing import MICE, Editor, corner_masks, idattn
from instance_edit.tests.with_comfyui.tiny_models import flux1_state_dict

METHODS = [MICE, idattn()]


@pytest.fixture
def editor(pack_nodes):
    return Editor(pack_nodes)


def bias_without_regions(editor: Editor, method: Any = MICE, **options: Any) -> BiasRecipe:
    inputs = {"overlap": "shared", "start": 0.0, "end": 1.0, "blocks": "", **options}
    return run_node(editor.nodes["InstanceEditBuildBias"], method=dict(method), **inputs)[0]


def batch_regions(editor: Editor, *masks: torch.Tensor, words=("a red cat", "a big dog")) -> Any:
    """One Instance Region after the other, each with a mask for each picture."""
    regions: tuple[InstanceRegion, ...] = ()
    for text, mask in zip(words, masks, strict=True):
        inputs = {"strength": 1.0, "start": 0.0, "end": 1.0, "reference": 0}
        node = editor.nodes["InstanceEditRegion"]
        (regions,) = run_node(node, instruction=text, mask=mask, regions=regions, **inputs)
    return regions


@pytest.mark.parametrize("method", METHODS)
def test_without_regions_the_bias_takes_those_of_the_conditioning(
    editor, flux1, tiny_clip_flux1, method
) -> None:
    regions = editor.regions()
    conditioning = editor.encode(tiny_clip_flux1, regions)
    latent = random_latent(flux1)
    wanted = sample(
        editor.apply(flux1, editor.bias(regions, method)), conditioning, conditioning, latent
    )
    patched = editor.apply(flux1, bias_without_regions(editor, method))
    assert torch.equal(sample(patched, conditioning, conditioning, latent), wanted)


def test_one_patched_model_serves_pictures_with_other_regions(
    editor, flux1, tiny_clip_flux1
) -> None:
    patched = editor.apply(flux1, bias_without_regions(editor, idattn()))
    latent = random_latent(flux1)
    for masks in (corner_masks(), corner_masks().flip(2)):
        regions = editor.regions(masks=masks)
        conditioning = editor.encode(tiny_clip_flux1, regions)
        own = editor.apply(flux1, editor.bias(regions, idattn()))
        wanted = sample(own, conditioning, conditioning, latent)
        assert torch.equal(sample(patched, conditioning, conditioning, latent), wanted)


@pytest.mark.parametrize("model_name", ["flux1", "flux2"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("with_own", [True, False])
def test_two_pictures_in_one_batch_are_each_as_if_alone(
    editor, model_name, method, with_own, tiny_clip_flux1, tiny_clip_klein, request
) -> None:
    """The second picture lacks an instance: its text is shorter, and filled up unseen."""
    model = request.getfixturevalue(model_name)
    clip = tiny_clip_flux1 if model_name == "flux1" else tiny_clip_klein
    first, second = corner_masks()
    nothing = torch.zeros_like(first)
    regions = batch_regions(editor, torch.stack([first, second]), torch.stack([second, nothing]))
    conditioning = editor.encode(clip, regions)
    conditioning = reference(conditioning, random_latent(model, seed=5))
    items = conditioning[0][1]["model_conds"]["instance_edit"].cond
    assert [len(item.instructions) for item in items] == [2, 1]
    assert items[0].total == items[1].total == conditioning[0][0].shape[1]
    bias = editor.bias(regions, method) if with_own else bias_without_regions(editor, method)
    latent = random_latent(model, batch=2)
    together = sample(editor.apply(model, bias), conditioning, conditioning, latent, steps=1)
    noise = together_noise(model, latent)
    for number, item in enumerate(items):
        alone = editor.encode(clip, item.regions)
        alone = reference(alone, random_latent(model, seed=5))
        patched = editor.apply(model, editor.bias(item.regions, method))
        picture = {"samples": latent["samples"][number : number + 1], "batch_index": [number]}
        wanted = sample_with(model, patched, alone, picture, noise[number : number + 1])
        torch.testing.assert_close(together[number : number + 1], wanted, rtol=1e-4, atol=1e-4)


def together_noise(model: Any, latent: dict[str, Any]) -> torch.Tensor:
    return comfyui.sample.prepare_noise(latent["samples"], 0)


def sample_with(
    model: Any, patched: Any, conditioning: Any, latent: dict[str, Any], noise: torch.Tensor
) -> torch.Tensor:
    """As ``sample`` with one step, from given noise."""
    args = (1, 1.0, "euler", "simple", conditioning, conditioning, latent["samples"])
    return comfyui.sample.sample(patched, noise, *args, disable_pbar=True, seed=0)


def test_regions_of_more_pictures_than_are_sampled_are_refused(
    editor, flux1, tiny_clip_flux1
) -> None:
    first, second = corner_masks()
    regions = batch_regions(editor, torch.stack([first, second]), torch.stack([second, first]))
    conditioning = editor.encode(tiny_clip_flux1, regions)
    patched = editor.apply(flux1, bias_without_regions(editor))
    with pytest.raises(ValueError, match="regions of 2 pictures, but 1 are sampled"):
        sample(patched, conditioning, conditioning, random_latent(flux1))


def moved(region: InstanceRegion) -> InstanceRegion:
    assert region.mask is not None
    return replace(region, mask=region.mask.flip(1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (moved, "instance 2 has another mask"),
        (
            lambda r: replace(r, mask=None, box=(0, 0, 1, 1)),
            "instance 2 has another mask and",
        ),
        (lambda r: replace(r, strength=2.0), "instance 2 has another strength"),
        (lambda r: replace(r, end=0.5), "instance 2 has another steps window"),
        (lambda r: replace(r, reference=0), "instance 2 has another own reference"),
        (lambda r: replace(r, instruction="a mouse"), "a mouse"),
    ],
)
def test_two_different_sets_of_regions_are_refused_by_what_differs(
    editor, flux1, tiny_clip_flux1, change, said
) -> None:
    first, second = editor.regions()
    conditioning = editor.encode(tiny_clip_flux1, (first, second))
    patched = editor.apply(flux1, editor.bias((first, change(second))))
    with pytest.raises(ValueError, match=said):
        sample(patched, conditioning, conditioning, random_latent(flux1))


def test_equal_regions_made_twice_agree(editor, flux1, tiny_clip_flux1) -> None:
    conditioning = editor.encode(tiny_clip_flux1, editor.regions())
    patched = editor.apply(flux1, editor.bias(editor.regions()))
    assert sample(patched, conditioning, conditioning, random_latent(flux1)).isfinite().all()


def test_regions_without_a_place_need_located_ones(editor, tiny_clip_flux1) -> None:
    node = editor.nodes["InstanceEditRegionsFromInstructions"]
    (regions,) = run_node(
        node, instructions="a red cat\na big dog", strength=1.0, start=0.0, end=1.0
    )
    spans = conditioning_spans(editor.encode(tiny_clip_flux1, regions))
    with pytest.raises(ValueError, match="instance 1, 2 has no place yet"):
        recipe_for(bias_without_regions(editor), spans)
    found = tuple(replace(r, origin="found") for r in editor.regions())
    assert recipe_for(editor.bias(found), spans).regions == found


def test_a_conditioning_without_regions_needs_them_from_the_bias(editor, flux1) -> None:
    spans = PromptSpans((2, 1, 1), ("a", "b"))
    with pytest.raises(ValueError, match="neither the bias nor the conditioning has regions"):
        recipe_for(bias_without_regions(editor), spans)
    with pytest.raises(ValueError, match="no regions came in"):
        editor.bias(())


def test_previews_take_the_regions_of_the_conditioning(editor, pack_nodes, tiny_clip_flux1) -> None:
    regions = editor.regions()
    conditioning = editor.encode(tiny_clip_flux1, regions)
    node = pack_nodes["InstanceEditPreviewBias"]
    bias = bias_without_regions(editor)
    drawn = run_node(node, bias=bias, first_instance=1, conditioning=conditioning)[0]
    own = run_node(node, bias=editor.bias(regions), first_instance=1, conditioning=conditioning)[0]
    assert torch.equal(drawn, own)
    assert torch.equal(run_node(node, first_instance=1, conditioning=conditioning)[0], drawn)
    for given in ({"bias": bias}, {}):
        with pytest.raises(ValueError, match="connect 'conditioning'"):
            run_node(node, first_instance=1, **given)


def test_masks_are_shared_with_the_conditioning_and_the_bias_not_copied(
    editor, tiny_clip_flux1
) -> None:
    """285 masks of 1024 x 1024 pixels: 285 MiB as bool, once."""
    count, side = 285, 1024
    masks = torch.zeros(count, side, side, dtype=torch.bool)
    for n in range(count):
        masks[n, (n // 17) * 60 : (n // 17) * 60 + 50, (n % 17) * 60 : (n % 17) * 60 + 50] = True
    regions = tuple(InstanceRegion(f"instruction {n}", mask=masks[n]) for n in range(count))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    spans = PromptSpans((1,) * (count + 1), tuple(r.instruction for r in regions), regions=regions)
    conditioning = attach_spans([[torch.zeros(1, count + 1, 8), {}]], spans)
    recipe = editor.bias(regions)
    carried = conditioning_spans(conditioning).regions
    assert recipe_for(recipe, conditioning_spans(conditioning)).regions == carried
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"\n{count} masks: {masks.nbytes / 2**20:.0f} MiB, grown by {grown:.0f} MiB")
    assert grown < 0.2 * masks.nbytes / 2**20
    for n, (own, other) in enumerate(zip(recipe.instances, carried, strict=True)):
        assert own.mask.data_ptr() == other.mask.data_ptr() == masks[n].data_ptr()


def test_soft_masks_are_kept_in_a_byte_each() -> None:
    soft = torch.linspace(0, 1, 256).view(16, 16)
    region = InstanceRegion("a cat", mask=soft)
    assert region.mask.dtype == torch.uint8
    assert torch.equal(region.mask.float() / 255, (soft * 255).round() / 255)
    hard = InstanceRegion("a cat", mask=(soft > 0.5).float())
    assert hard.mask.dtype == torch.bool


# Core's Train LoRA node over a data set of two pictures, each with regions of its own.


@pytest.fixture
def training(tmp_path, editor, tiny_clip_flux1) -> Any:
    path = str(tmp_path / "flux1.safetensors")  # core's training node loads it again
    safetensors.torch.save_file(flux1_state_dict(), path)
    flux1 = comfyui.sd.load_diffusion_model(path, model_options={"dtype": torch.float32})
    sets = [editor.regions(masks=corner_masks()), editor.regions(masks=corner_masks().flip(2))]
    conditionings = [editor.encode(tiny_clip_flux1, regions) for regions in sets]
    latents = [random_latent(flux1, 8, 8, seed=n) for n in (11, 12)]
    return editor.apply(flux1, bias_without_regions(editor, idattn())), conditionings, latents


def train(model: Any, latents: Any, conditionings: Any, batch_size: int = 1) -> None:
    """Core's Train LoRA node for four steps whose updates are nothing."""
    settings = {"batch_size": batch_size, "steps": 4, "learning_rate": 0.0}
    with torch.inference_mode(False):
        train_lora(model, latents, conditionings, **settings)


def test_training_with_a_batch_of_pictures_with_different_regions_is_refused(training) -> None:
    model, conditionings, latents = training
    with pytest.raises(ValueError, match="Set batch_size to 1"):
        train(model, latents, conditionings, batch_size=2)


def test_every_training_sample_is_predicted_as_its_own_regions_alone_would(
    training, editor
) -> None:
    model, conditionings, latents = training
    calls = []

    def spy(executor, *args, **kwargs):
        out = executor(*args, **kwargs)
        calls.append((args, kwargs, out.detach().clone()))
        return out

    watched = model.clone()
    watched.wrappers[WRAPPER] = {"spy": [spy], **watched.wrappers[WRAPPER]}
    train(watched, latents, conditionings)
    seen = set()
    for args, kwargs, found in calls:
        [[spans]] = kwargs[KEY]
        own = editor.apply(training_model(model), editor.bias(spans.regions, idattn()))
        options = {**args[5], "wrappers": own.wrappers}
        wanted = own.model.apply_model(*args[:5], options, **kwargs)
        assert torch.equal(found, wanted)
        seen.add(spans)
    assert len(seen) == 2


def training_model(model: Any) -> Any:
    """The model without its instance attention."""
    plain = model.clone()
    plain.wrappers = {kind: {} for kind in plain.wrappers}
    return plain
