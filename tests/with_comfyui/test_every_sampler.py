"""Every sampler and scheduler of core, and samplers that other packs wrap: finite, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, samplers
from instance_edit.tests.with_comfyui.core import random_conditioning, random_latent, run_core
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.locating import (
    locate_by_contrast,
    locate_instances,
    locate_instruction,
)
from instance_edit.tests.with_comfyui.sessions import Latent, Session
from instance_edit.tests.with_comfyui.test_foi import TWO, guide
from instance_edit.tests.with_comfyui.test_window_by import two_spans

SIGMAS = torch.tensor([1.0, 0.5, 0.0])
SLOW = {"dpm_adaptive": torch.tensor([0.3, 0.25, 0.2])}
"""A sampler that chooses its own steps, and a schedule on which it soon has enough."""


@pytest.mark.parametrize("name", samplers.SAMPLER_NAMES)
def test_every_sampler_runs_in_foi_guider_the_locators_and_windows(
    pack_nodes, flux1, name: str
) -> None:
    sampler, latent = samplers.sampler_object(name), random_latent(flux1)
    sigmas = SLOW.get(name, SIGMAS)
    editor, regions = Editor(pack_nodes), Editor(pack_nodes).regions(TWO, end=0.6)
    bias = editor.bias(regions, idattn(), start=0.2, window_by="noise level")
    guiders = [
        guide(pack_nodes, flux1, regions),
        run_core("BasicGuider", model=editor.apply(flux1, bias), conditioning=two_spans(flux1))[0],
    ]
    for guider in guiders:
        noise = torch.ones_like(latent["samples"])
        out = guider.sample(noise, latent["samples"], sampler, sigmas, seed=3)
        assert out.isfinite().all() and out.shape == latent["samples"].shape
    given = {"conditioning": two_spans(flux1), "sampler": sampler, "sigmas": sigmas, "steps": 1}
    for locate in (locate_instances, locate_by_contrast):
        try:
            masks, *_ = locate(pack_nodes, flux1, **given)
        except ValueError as error:
            assert "nothing was found for instruction" in str(error) and name in SLOW
        else:
            assert masks.shape == (2, 64, 64) and masks.any()


@pytest.mark.parametrize("scheduler", samplers.SCHEDULER_NAMES)
def test_every_scheduler_is_walked_up_and_down_whole_or_in_part(
    pack_nodes, flux1, tiny_clip_flux1, scheduler: str
) -> None:
    """Locate Instruction, which has no sampler, reads a step of it too."""
    session = Session(pack_nodes, flux1)
    edit, picture = random_conditioning(flux1, seed=4), random_latent(flux1, seed=3)
    for denoise in (1.0, 0.5):
        (session.sigmas,) = run_core(
            "BasicScheduler", model=flux1, scheduler=scheduler, steps=5, denoise=denoise
        )
        start = session.run(session.inversion(), edit, picture, seed=1)
        sampler = session.lqr(session.memory(picture), window_by="noise level")
        assert session.run(sampler, edit, start)["samples"].isfinite().all()
        foi = guide(pack_nodes, flux1, Editor(pack_nodes).regions(TWO), window_by="noise level")
        euler = samplers.sampler_object("euler")
        out = foi.sample(start["samples"], picture["samples"], euler, session.sigmas, seed=0)
        assert out.isfinite().all()
        given = {"conditioning": two_spans(flux1), "sigmas": session.sigmas}
        masks, *_ = locate_instruction(pack_nodes, flux1, tiny_clip_flux1, **given)
        assert masks.shape == (2, 64, 64) and masks.any()


@pytest.mark.parametrize("levels", [[1.0], [0.5, 0.5], [1.2, 0.5, 0.0], [1.0, 0.2, 0.6]], ids=str)
def test_a_schedule_that_cannot_be_walked_is_named(pack_nodes, flux1, levels) -> None:
    session, picture = Session(pack_nodes, flux1), random_latent(flux1, seed=3)
    session.sigmas = torch.tensor(levels)
    for sampler in (session.inversion(), session.lqr(session.memory(picture))):
        with pytest.raises(ValueError, match=r"sigmas must be two or more .* Basic Scheduler"):
            session.run(sampler, random_conditioning(flux1), picture, seed=1)


def test_an_empty_schedule_leaves_the_latent_as_in_core(pack_nodes, flux1) -> None:
    session, picture = Session(pack_nodes, flux1), random_latent(flux1, seed=3)
    session.sigmas = torch.tensor([])
    for sampler in (session.inversion(), session.lqr(session.memory(picture))):
        out = session.run(sampler, random_conditioning(flux1), picture, seed=1)
        assert torch.equal(out["samples"], picture["samples"])


def test_a_flipped_schedule_is_the_same_schedule(pack_nodes, flux1) -> None:
    session, picture = Session(pack_nodes, flux1), random_latent(flux1, seed=3)
    edit, sigmas = random_conditioning(flux1), session.sigmas
    for window_by in ("steps", "noise level"):
        lqr = session.lqr(session.memory(random_latent(flux1, seed=5)), window_by=window_by)
        for sampler in (session.inversion(), lqr):
            session.sigmas = sigmas
            falling = session.run(sampler, edit, picture, seed=1)["samples"]
            session.sigmas = sigmas.flip(0)
            assert torch.equal(session.run(sampler, edit, picture, seed=1)["samples"], falling)


def wrapping(inner: Any, hand_on: bool) -> Any:
    """A SAMPLER as packs make them that change the model's calls: it counts them."""

    def wrapped(model: Any, x: Tensor, sigmas: Tensor, **rest: Any) -> Tensor:
        def call(x: Tensor, sigma: Tensor, **args: Any) -> Tensor:
            called.append(float(sigma[0]))
            return model(x, sigma, **args)

        kept = ("inner_model", "sigmas", "latent_image", "noise") if hand_on else ("inner_model",)
        for name in kept:
            setattr(call, name, getattr(model, name))
        return inner.sampler_function(call, x, sigmas, **rest, **inner.extra_options)

    called: list[float] = []
    sampler = samplers.KSAMPLER(wrapped)
    sampler.called = called
    return sampler


Make = Callable[[Session, Latent], Any]


@pytest.mark.parametrize(
    "make",
    [
        lambda session, picture: session.inversion(),
        lambda session, picture: session.lqr(session.memory(picture)),
    ],
    ids=["Flow Inversion", "Dual-LQR Sampler"],
)
@pytest.mark.parametrize("masked", [False, True])
def test_a_sampler_that_wraps_ours_gives_the_same(
    pack_nodes, flux1, make: Make, masked: bool
) -> None:
    session, picture = Session(pack_nodes, flux1), random_latent(flux1, seed=3)
    edit, start = random_conditioning(flux1, seed=4), random_latent(flux1, seed=5)
    if masked:
        mask = torch.zeros(1, 64, 64)
        mask[:, :32] = 1
        (start,) = run_core("SetLatentNoiseMask", samples=start, mask=mask)
    sampler = make(session, picture)
    wanted = session.run(sampler, edit, start, seed=1)["samples"]
    around = wrapping(sampler, hand_on=True)
    assert torch.equal(session.run(around, edit, start, seed=1)["samples"], wanted)
    assert len(around.called) == len(session.sigmas)
    with pytest.raises(ValueError, match="without that wrapper"):
        session.run(wrapping(sampler, hand_on=False), edit, start, seed=1)
    session.sigmas = session.sigmas[:3]
    with pytest.raises(ValueError, match="without that wrapper"):
        session.run(wrapping(sampler, hand_on=True), edit, start, seed=1)


def test_a_wrapper_that_hands_over_within_a_schedule_goes_on_from_its_state(
    pack_nodes, flux1
) -> None:
    session, picture = Session(pack_nodes, flux1), random_latent(flux1, seed=3)
    lqr = session.lqr(session.memory(picture), lqr_steps=0, tolerance=0.0)
    euler = samplers.sampler_object("euler")

    def both(model: Any, x: Tensor, sigmas: Tensor, **rest: Any) -> Tensor:
        half = euler.sampler_function(model, x, sigmas[:3], **rest)
        states.append(half)
        return lqr.sampler_function(model, half, sigmas[2:], **rest)

    states: list[Tensor] = []
    edit, start = random_conditioning(flux1, seed=4), random_latent(flux1, seed=5)
    found = session.run(samplers.KSAMPLER(both), edit, start, seed=1)["samples"]
    session.sigmas = session.sigmas[2:]
    middle = {"samples": flux1.model.process_latent_out(states[0])}
    wanted = session.run(lqr, edit, middle)["samples"]
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 16, 1, 8, 8), (1, 16, 3, 8, 8)])
def test_foi_guider_refuses_a_video(pack_nodes, flux1, shape) -> None:
    guider = guide(pack_nodes, flux1, Editor(pack_nodes).regions(TWO))
    latent = torch.zeros(shape)
    with pytest.raises(ValueError, match="FoI Guider takes latents of pictures"):
        guider.sample(latent, latent, samplers.sampler_object("euler"), SIGMAS, seed=0)


def test_masks_for_each_picture_are_refused_where_one_set_is_wanted(
    pack_nodes, flux1: ModelPatcher
) -> None:
    editor = Editor(pack_nodes)
    first, second = editor.regions(TWO)
    own = replace(first, mask=torch.stack([first.mask, ~first.mask]))
    guider = guide(pack_nodes, flux1, (own, second))
    latent = random_latent(flux1, batch=2)["samples"]
    with pytest.raises(ValueError, match="has masks for 2 pictures, but one picture"):
        guider.sample(latent, latent, samplers.sampler_object("euler"), SIGMAS, seed=0)
