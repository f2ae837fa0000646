"""Locators and FoI Guider look at one whole picture; what is for less or more is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.host.carrier import attach_spans, conditioning_spans
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, model_management, samplers
from instance_edit.tests.with_comfyui.core import random_conditioning, random_latent, run_core
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.locating import (
    SIGMAS,
    locate_by_contrast,
    locate_instances,
    locate_instruction,
)
from instance_edit.tests.with_comfyui.sessions import Latent, Session
from instance_edit.tests.with_comfyui.test_foi import TWO, guide, run
from instance_edit.tests.with_comfyui.test_window_by import two_spans

Way = Callable[[ModelPatcher, Any, Latent], Any]


@pytest.fixture(params=["IID", "FoI", "contrast", "FoI Guider"])
def way(request: pytest.FixtureRequest, pack_nodes, tiny_clip_flux1) -> Way:
    """Each with a model, a conditioning and a latent."""

    def guided(model: ModelPatcher, conditioning: Any, latent: Latent) -> Tensor:
        regions = Editor(pack_nodes).regions(TWO)
        return run(guide(pack_nodes, model, regions, conditioning), latent)

    def located(locate: Callable[..., Any], *clip: Any) -> Way:
        return lambda model, conditioning, latent: locate(
            pack_nodes, model, *clip, conditioning=conditioning, latent=latent
        )

    return {
        "IID": located(locate_instances),
        "FoI": located(locate_instruction, tiny_clip_flux1),
        "contrast": located(locate_by_contrast),
        "FoI Guider": guided,
    }[request.param]


def in_part(node: str, **inputs: object) -> Callable[[Any], Any]:
    return lambda conditioning: run_core(node, conditioning=conditioning, **inputs)[0]


AREA = {"width": 32, "height": 32, "x": 0, "y": 0, "strength": 1.0}
MASK = {"mask": torch.ones(1, 64, 64), "strength": 1.0, "set_cond_area": "default"}
PARTS = {
    "area": in_part("ConditioningSetArea", **AREA),
    "mask": in_part("ConditioningSetMask", **MASK),
    "timestep range": in_part("ConditioningSetTimestepRange", start=0.0, end=0.5),
    "combined": lambda conditioning: conditioning + conditioning,
}


@pytest.mark.parametrize("part", PARTS)
def test_a_conditioning_for_a_part_is_refused(flux1, way: Way, part: str) -> None:
    with pytest.raises(ValueError, match="one conditioning for the whole picture and the whole"):
        way(flux1, PARTS[part](two_spans(flux1)), random_latent(flux1))


def test_regions_of_several_pictures_are_refused(flux1, way: Way) -> None:
    positive = two_spans(flux1)
    spans = conditioning_spans(positive)
    several = attach_spans(positive, spans, spans)
    with pytest.raises(ValueError, match="holds the regions of 2 pictures, but one"):
        way(flux1, several, random_latent(flux1, batch=2))


def test_an_interrupt_ends_it_and_leaves_nothing_behind(flux1, way: Way) -> None:
    positive, latent = two_spans(flux1), random_latent(flux1)

    def values(result: Any) -> Tensor:
        return result if isinstance(result, Tensor) else result[0]

    wanted = values(way(flux1, positive, latent))
    stopping = flux1.clone()

    def stop(executor: Any, *args: Any, **rest: Any) -> Tensor:
        raise model_management.InterruptProcessingException

    stopping.add_wrapper_with_key("diffusion_model", "stop", stop)
    with pytest.raises(model_management.InterruptProcessingException):
        way(stopping, positive, latent)
    assert torch.equal(values(way(flux1, positive, latent)), wanted)
    assert not flux1.wrappers.get("apply_model")


def test_a_noise_mask_holds_in_foi_guider(pack_nodes, flux1) -> None:
    latent = random_latent(flux1, batch=2)
    mask = torch.zeros(2, 64, 64)
    mask[0, :, :32] = mask[1, :, 32:] = 1
    guider = guide(pack_nodes, flux1, Editor(pack_nodes).regions(TWO))
    out = run(guider, {**latent, "noise_mask": mask})
    for n, kept in enumerate((slice(4, 8), slice(0, 4))):
        torch.testing.assert_close(out[n, ..., kept], latent["samples"][n, ..., kept])
        assert not torch.allclose(out[n], latent["samples"][n], atol=0.1)


def test_several_pictures_with_a_fill_mask_each_are_refused_in_foi_guider(
    pack_nodes, flux1
) -> None:
    positive = two_spans(flux1)
    pictures = random_latent(flux1, batch=2)["samples"]
    filled = [[text, {**extras, "concat_latent_image": pictures}] for text, extras in positive]
    guider = guide(pack_nodes, flux1, Editor(pack_nodes).regions(TWO), filled)
    with pytest.raises(ValueError, match="a fill mask for each. Edit them one by one"):
        run(guider, random_latent(flux1, batch=2))
    assert run(guider, random_latent(flux1)).isfinite().all()


def test_differential_diffusion_frees_more_of_the_mask_with_every_step(pack_nodes, flux1) -> None:
    """What its mask never frees comes back; what it frees late stays closer than what is free."""
    session, picture = Session(pack_nodes, flux1, steps=6), random_latent(flux1, seed=3)
    mask = torch.full((1, 64, 64), 1.0)
    mask[:, 32:48], mask[:, 48:] = 0.7, 0.0
    (start,) = run_core("SetLatentNoiseMask", samples=random_latent(flux1, seed=5), mask=mask)
    edit = random_conditioning(flux1, seed=4)
    sampler = session.lqr(session.memory(picture), lqr_steps=0, tolerance=0.0)
    differential = flux1.clone()
    levels: list[float] = []

    def late(sigma: Tensor, mask: Tensor, extra_options: dict[str, Any]) -> Tensor:
        levels.append(float(sigma[0]))
        assert extra_options["sigmas"].equal(session.sigmas)
        assert extra_options["model"].inner_model.model_sampling is not None
        return (mask >= sigma[0]).to(mask)

    differential.set_model_denoise_mask_function(late)
    out = session.run(sampler, edit, start, model=differential)["samples"]
    assert levels == session.sigmas[:-1].tolist()
    torch.testing.assert_close(out[:, :, 6:], picture["samples"][:, :, 6:])
    assert not torch.equal(out, session.run(sampler, edit, start)["samples"])
    far = (out - picture["samples"]).abs().mean((0, 1, 3))
    assert far[:4].mean() > far[4:6].mean() > 0.001


def test_extra_noise_and_a_seed_change_what_they_should(pack_nodes, flux1) -> None:
    regions, latent = Editor(pack_nodes).regions(TWO), random_latent(flux1)
    guider = guide(pack_nodes, flux1, regions)

    def sampled(sampler: str, seed: int) -> Tensor:
        noise = torch.ones_like(latent["samples"])
        how = samplers.sampler_object(sampler)
        return guider.sample(noise, latent["samples"], how, SIGMAS, seed=seed)

    assert torch.equal(sampled("euler", 1), sampled("euler", 2))
    for sampler in ("euler_ancestral", "dpmpp_2m_sde"):
        assert torch.equal(sampled(sampler, 1), sampled(sampler, 1))
        assert not torch.equal(sampled(sampler, 1), sampled(sampler, 2))
