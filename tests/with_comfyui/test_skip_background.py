"""Skip Background: instances come out as in the whole picture, all else is the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from instance_edit.host.carrier import attach_spans
from instance_edit.mask_ops.regions import picture_sets
from instance_edit.prompts.spans import PromptSpans
from instance_edit.tests.with_comfyui import tiny_families, tiny_models
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, model_management
from instance_edit.tests.with_comfyui.core import (
    random_conditioning,
    random_latent,
    reference,
)
from instance_edit.tests.with_comfyui.editing import idattn
from instance_edit.tests.with_comfyui.skipping import (
    CLOSE,
    CONTEXTS,
    PLACES,
    SIDE,
    Skipped,
    two_masks,
)
from instance_edit.tests.with_comfyui.test_carried_regions import (
    batch_regions,
    bias_without_regions,
)
from instance_edit.tests.with_comfyui.test_instance_attention import change_prompt, spans_for

FLUX = ("flux1", "flux2")


@pytest.fixture(params=FLUX)
def edit(request: pytest.FixtureRequest, pack_nodes) -> Skipped:
    return Skipped(pack_nodes, request.getfixturevalue(request.param))


def two_pictures(edit: Skipped) -> dict[str, Any]:
    latent = random_latent(edit.model, SIDE, SIDE, batch=2)
    return {"latent": latent}


def two_references(edit: Skipped) -> dict[str, Any]:
    """The source, and a picture of another size that shows the scene too."""
    return {"words": reference(edit.words, random_latent(edit.model, 8, 6, seed=7))}


def start_from_source(edit: Skipped) -> dict[str, Any]:
    return {"latent": edit.source, "denoise": 0.6, "steps": 4}


def negative_with_instances(edit: Skipped) -> dict[str, Any]:
    negative = reference(spans_for(edit.model, edit.regions, seed=9), edit.source)
    return {"negative": negative, "cfg": 3.0}


def mask_elsewhere(edit: Skipped) -> dict[str, Any]:
    """A noise mask that opens the instances and one place more."""
    mask = edit.own.float()
    mask[:2, 8:10] = 1
    return {"latent": {**edit.latent, "samples": edit.source["samples"], "noise_mask": mask[None]}}


SETTINGS: dict[str, Callable[[Skipped], dict[str, Any]]] = {
    "one step": lambda edit: {"steps": 1},
    "an ancestral sampler": lambda edit: {"sampler": "euler_ancestral", "steps": 3},
    "two calls a step": lambda edit: {"sampler": "heun", "steps": 3},
    "CFG with instances in the negative": negative_with_instances,
    "denoise below 1": start_from_source,
    "two pictures": two_pictures,
    "two references of the scene": two_references,
    "a noise mask": mask_elsewhere,
}


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("name", SETTINGS)
def test_under_dis_an_instance_comes_out_as_in_the_whole_picture(
    edit: Skipped, name: str, context: str
) -> None:
    settings = SETTINGS[name](edit)
    whole = edit.run(edit.applied, **settings)
    cut = edit.run(edit.skip(context=context), **settings)
    assert edit.apart(cut, whole) < CLOSE
    if name != "a noise mask":
        assert edit.keeps_source(cut)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("family", FLUX)
def test_it_is_bit_equal_in_float64(
    pack_nodes, monkeypatch: pytest.MonkeyPatch, family: str, dtype: torch.dtype
) -> None:
    wide = dtype == torch.float64
    monkeypatch.setattr(model_management, "in_training", wide)  # core's own rotation takes float64
    make = {"flux1": tiny_models.flux1_state_dict, "flux2": tiny_models.flux2_state_dict}[family]
    edit = Skipped(pack_nodes, tiny_models.load_model(make(dtype=dtype)))
    whole = edit.run(edit.applied)
    for context in CONTEXTS:
        cut = edit.run(edit.skip(context=context))
        assert edit.apart(cut, whole) <= (0 if wide else CLOSE)


@pytest.mark.parametrize("method", ["offset", "index", "index_timestep_zero", "uxo/uno"])
@pytest.mark.parametrize("family", ["flux1", "flux2", "longcat"])
def test_every_reference_method_keeps_its_positions(pack_nodes, family: str, method: str) -> None:
    if method == "index_timestep_zero" and family != "flux2":
        method = "offset"  # core's own forward runs it on FLUX.2 only
    edit = Skipped(pack_nodes, tiny_families.FAMILIES[family][1]())
    scene = random_latent(edit.model, 10, 14, seed=8)
    words = reference(spans_for(edit.model, edit.regions), scene, edit.source, method=method)
    whole = edit.run(edit.applied, words)
    for context in CONTEXTS:
        cut = edit.run(edit.skip(context=context), words)
        assert edit.apart(cut, whole) < CLOSE
        assert edit.keeps_source(cut)


def test_an_owned_reference_stays_whole(edit: Skipped) -> None:
    edit.regions = (edit.regions[0], replace(edit.regions[1], reference=1))
    edit.applied = edit.apply(edit.model)
    words = reference(edit.words, random_latent(edit.model, 8, 8, seed=7))
    whole = edit.run(edit.applied, words)
    for context in CONTEXTS:
        assert edit.apart(edit.run(edit.skip(context=context), words), whole) < CLOSE


def test_a_mask_opens_what_it_shows(edit: Skipped) -> None:
    settings = mask_elsewhere(edit)
    cut = edit.run(edit.skip(), **settings)
    source = edit.source["samples"]
    assert not torch.equal(cut[..., :2, 8:10], source[..., :2, 8:10])
    closed = settings["latent"]["noise_mask"][0] == 0
    assert float((cut - source)[..., closed].abs().max()) < CLOSE


def test_with_a_plain_negative_the_background_is_the_source_too(edit: Skipped) -> None:
    negative = random_conditioning(edit.model, tokens=10)
    settings = {"negative": negative, "cfg": 3.0, "steps": 1}  # later it sees the background
    whole, cut = (edit.run(model, **settings) for model in (edit.applied, edit.skip()))
    assert edit.apart(cut, whole) < CLOSE
    assert edit.keeps_source(edit.run(edit.skip(), **{**settings, "steps": 3}))


def test_two_conditionings_compute_what_either_touches(edit: Skipped) -> None:
    """Conditioning Combine of two edits: neither leaves out where the other acts."""
    words = []
    for seed, region in enumerate(edit.regions):
        spans = PromptSpans((4, 3), (region.instruction,), regions=(region,))
        text = random_conditioning(edit.model, tokens=7, seed=seed)
        words += reference(attach_spans(text, spans), edit.source)
    applied = edit.editor.apply(edit.model, bias_without_regions(edit.editor, idattn()))
    cut = edit.run(edit.skip(applied), words)
    assert edit.keeps_source(cut)
    source = edit.source["samples"]
    for top, bottom, left, right in PLACES:
        place = (..., slice(top, bottom), slice(left, right))
        assert float((cut - source)[place].abs().mean()) > 0.1


def test_pictures_with_regions_of_their_own_share_what_is_computed(edit: Skipped) -> None:
    masks = two_masks()[:, None].repeat(1, 2, 1, 1)
    masks[0, 1] = masks[0, 1].roll(4, -1)
    masks[1, 1] = 0
    regions = batch_regions(edit.editor, *masks)
    spans = [
        PromptSpans((4, 3, 3), ("a red cat", "a big dog"), regions=picture_sets(regions)[0]),
        PromptSpans((4, 3), ("a red cat",), regions=picture_sets(regions)[1], filling=3),
    ]
    text = random_conditioning(edit.model, tokens=10)
    text[0][0] = text[0][0].repeat(2, 1, 1)
    words = reference(attach_spans(text, *spans), edit.source)
    edit.regions = regions
    edit.applied = edit.apply(edit.model)
    settings = {"words": words, "latent": random_latent(edit.model, SIDE, SIDE, batch=2)}
    whole = edit.run(edit.applied, **settings)
    cut = edit.run(edit.skip(context="near regions"), **settings)
    for picture, shown in ((0, masks[:, 0]), (1, masks[:, 1])):
        own = shown.any(0)
        assert float((cut - whole)[picture, :, own].abs().max()) < CLOSE * float(whole.abs().max())
    touched = F.max_pool2d(masks.amax((0, 1))[None], 5, 1, 2)[0] > 0
    assert torch.equal(cut[..., ~touched], edit.source["samples"].expand_as(cut)[..., ~touched])


@pytest.mark.parametrize("size", [(11, 13), (12, 11)])
def test_odd_sizes_work(edit: Skipped, size: tuple[int, int]) -> None:
    edit.source = random_latent(edit.model, *size, seed=5)
    edit.latent = random_latent(edit.model, *size)
    words = reference(spans_for(edit.model, edit.regions), edit.source)
    whole, cut = edit.run(edit.applied, words), edit.run(edit.skip(), words)
    inside = (..., slice(3, 5), slice(3, 5))
    assert float((cut - whole)[inside].abs().max()) < CLOSE * float(whole.abs().max())
    assert torch.equal(cut[..., -3:, :2], edit.source["samples"][..., -3:, :2])


def test_the_source_may_come_as_a_latent(edit: Skipped) -> None:
    words = spans_for(edit.model, edit.regions)
    whole = edit.run(edit.applied, words, latent=edit.source, denoise=0.7, steps=4)
    skipping = edit.skip(latent=edit.source)
    cut = edit.run(skipping, words, latent=edit.source, denoise=0.7, steps=4)
    assert edit.apart(cut, whole) < CLOSE
    assert edit.keeps_source(cut)


def test_full_steps_are_computed_whole(edit: Skipped) -> None:
    skipping = edit.skip(full_steps=2, context="near regions")
    counts = image_tokens(edit, skipping, steps=4)
    total = 2 * (SIDE // edit.model.model.diffusion_model.patch_size) ** 2
    assert counts[:2] == [total, total]
    assert counts[2] < total
    assert counts[2] == counts[3]


def image_tokens(edit: Skipped, model: ModelPatcher, **settings: Any) -> list[int]:
    """How many image tokens each model call of a run computes."""
    found: list[int] = []

    def count(inputs: dict[str, Any]) -> dict[str, Any]:
        found.append(inputs["img"].shape[1])
        return inputs

    watched = model.clone()
    watched.set_model_post_input_patch(count)
    edit.run(watched, **settings)
    return found


def test_a_window_of_steps_means_what_it_meant(edit: Skipped) -> None:
    """Steps in which nothing is biased are computed whole, as then everything depends on all."""
    windowed = edit.apply(edit.model, start=0.5, end=1.0)
    counts = image_tokens(edit, edit.skip(windowed), steps=4)
    assert counts[0] == counts[1] > counts[2] == counts[3]


def test_a_region_outside_its_window_stays_in_the_sequence(edit: Skipped) -> None:
    edit.regions = (replace(edit.regions[0], start=0.5), edit.regions[1])
    windowed = edit.apply(edit.model)
    counts = image_tokens(edit, edit.skip(windowed), steps=4)
    assert len(set(counts)) == 1


def test_a_region_over_the_whole_picture_leaves_nothing_out(edit: Skipped) -> None:
    edit.regions = edit.editor.regions(masks=torch.ones(2, SIDE, SIDE))
    edit.applied = edit.apply(edit.model)
    assert torch.equal(edit.run(edit.skip()), edit.run(edit.applied))


def test_without_instances_the_plain_model_runs(edit: Skipped) -> None:
    words = random_conditioning(edit.model)
    plain = edit.run(edit.model, words)
    assert torch.equal(edit.run(edit.skip(), words), plain)


def test_an_instance_does_not_notice_the_words_of_another(edit: Skipped) -> None:
    other = change_prompt(edit.words, 7, 10)
    for context in CONTEXTS:
        skipping = edit.skip(context=context)
        one, two = edit.run(skipping), edit.run(skipping, other)
        assert torch.equal(one[..., 2:6, 2:6], two[..., 2:6, 2:6])
        assert not torch.equal(one[..., 8:10, 8:10], two[..., 8:10, 8:10])
