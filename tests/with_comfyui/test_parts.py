"""A model call that sees a part of the picture, or of the batch, is refused or right."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from instance_edit.tests.with_comfyui.core import random_latent, sample
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.test_foi import TWO, guide
from instance_edit.tests.with_comfyui.test_foi import run as run_guider
from instance_edit.tests.with_comfyui.test_instance_attention import change_prompt, spans_for


@pytest.fixture(params=["flux1", "flux2"])
def model(request):
    return request.getfixturevalue(request.param)


def calling(model, pieces):
    """A model function wrapper that calls the model on pieces of what it is given, one by one."""

    def wrap(apply_model, given):
        x, out = given["input"], torch.zeros_like(given["input"])
        for place in pieces(x):
            part = x[place]
            sigma = given["timestep"][: len(part)]
            conds = {
                name: value[: len(part)] if isinstance(value, torch.Tensor) else value
                for name, value in given["c"].items()
            }
            out[place] = apply_model(part, sigma, **conds)
        return out

    patched = model.clone()
    patched.set_model_unet_function_wrapper(wrap)
    return patched


def tiles(x):
    halves = slice(None, x.shape[-1] // 2), slice(x.shape[-1] // 2, None)
    return [(..., rows, columns) for rows in halves for columns in halves]


def strips(x):
    return [(..., slice(None, x.shape[-1] // 2)), (..., slice(x.shape[-1] // 2, None))]


def one_by_one(x):
    return [slice(i, i + 1) for i in range(len(x))]


@pytest.mark.parametrize("pieces", [tiles, strips])
@pytest.mark.parametrize("order", ["before", "after"])
def test_tiles_are_refused(pack_nodes, model, pieces, order) -> None:
    editor = Editor(pack_nodes)
    regions = editor.regions()
    bias, conditioning = editor.bias(regions, idattn()), spans_for(model, regions)
    tiled = calling(editor.apply(model, bias), pieces)
    if order == "before":
        tiled = editor.apply(calling(model, pieces), bias)
    with pytest.raises(ValueError, match="sees a part of it .tiled diffusion"):
        sample(tiled, conditioning, conditioning, random_latent(model, 16, 16))


def test_tiles_are_refused_by_foi_guider_too(pack_nodes, model) -> None:
    regions = Editor(pack_nodes).regions(TWO)
    guider = guide(pack_nodes, calling(model, tiles), regions)
    with pytest.raises(ValueError, match="sees a part of it"):
        run_guider(guider, random_latent(model, 16, 16))


def test_a_batch_that_shares_its_regions_may_be_computed_one_by_one(pack_nodes, model) -> None:
    editor = Editor(pack_nodes)
    regions = editor.regions()
    patched = editor.apply(model, editor.bias(regions, idattn()))
    conditioning, latent = spans_for(model, regions), random_latent(model, batch=2)
    found = sample(calling(patched, one_by_one), conditioning, conditioning, latent)
    whole = sample(patched, conditioning, conditioning, latent)
    torch.testing.assert_close(found, whole, atol=1e-3, rtol=0)
    other = change_prompt(conditioning, 7, 10)
    changed = sample(calling(patched, one_by_one), other, other, latent)
    assert torch.equal(found[..., :4, :4], changed[..., :4, :4])


def test_a_batch_of_two_conditionings_taken_apart_is_refused(pack_nodes, model) -> None:
    """Equally long texts share a call, and a part of it does not say whose it is."""
    editor = Editor(pack_nodes)
    regions = editor.regions()
    patched = editor.apply(model, editor.bias(regions, idattn()))
    conditioning = spans_for(model, regions)
    negative = change_prompt(conditioning, 0, 3)
    with pytest.raises(ValueError, match="for 2 conditionings"):
        sample(calling(patched, one_by_one), conditioning, negative, random_latent(model), cfg=2.0)


def test_a_picture_that_grows_while_it_is_sampled_is_not_a_part(pack_nodes, model) -> None:
    """Regions are fractions of the picture, whatever its size."""
    editor = Editor(pack_nodes)
    regions = tuple(replace(region, strength=2.0) for region in editor.regions())
    patched = editor.apply(model, editor.bias(regions, idattn()))

    def grown(apply_model, given):
        x = torch.nn.functional.interpolate(given["input"], scale_factor=2)
        out = apply_model(x, given["timestep"], **given["c"])
        return out[..., ::2, ::2]

    patched.set_model_unet_function_wrapper(grown)
    conditioning = spans_for(model, regions)
    before = sample(patched, conditioning, conditioning, random_latent(model))
    other = change_prompt(conditioning, 7, 10)
    after = sample(patched, other, other, random_latent(model))
    assert torch.equal(before[..., :4, :4], after[..., :4, :4])
    assert not torch.equal(before, after)
