"""The samplers of an editing session as core's nodes run them: calls, previews, masks, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.sampling.lqr import TurnMemory
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, model_management
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_conditioning,
    random_latent,
    run_core,
)
from instance_edit.tests.with_comfyui.sessions import Latent, Session


@pytest.fixture(params=["flux1_deep", "flux2"])
def session(request: pytest.FixtureRequest, pack_nodes: dict[str, type]) -> Session:
    return Session(pack_nodes, request.getfixturevalue(request.param))


@pytest.fixture
def picture(session: Session) -> Latent:
    return random_latent(session.model, seed=3)


@pytest.fixture
def edit(session: Session) -> Conditioning:
    return random_conditioning(session.model, seed=4)


@pytest.fixture
def interrupted() -> Iterator[None]:
    model_management.interrupt_current_processing(True)
    yield
    model_management.interrupt_current_processing(False)


def count_calls(model: ModelPatcher) -> tuple[ModelPatcher, list[float]]:
    """A clone of the model, and the noise levels it was called at."""
    seen: list[float] = []

    def wrapper(apply: Any, parts: dict[str, Any]) -> Tensor:
        seen.append(float(parts["timestep"][0]))
        return apply(parts["input"], parts["timestep"], **parts["c"])

    clone = model.clone()
    clone.set_model_unet_function_wrapper(wrapper)
    return clone, seen


def test_the_noise_input_and_inverse_scaling_do_not_touch_the_samples(
    session: Session, picture: Latent, edit: Conditioning
) -> None:
    sampler = session.lqr(session.memory(picture))
    start = random_latent(session.model)
    assert torch.equal(
        session.run(sampler, edit, start)["samples"],
        session.run(sampler, edit, start, seed=5)["samples"],
    )
    inverted = session.run(session.inversion(), edit, picture, seed=1)["samples"]
    assert inverted.isfinite().all() and inverted.std() < 20


def test_one_model_call_per_step_and_one_more_never_at_zero(
    session: Session, picture: Latent, edit: Conditioning
) -> None:
    model, seen = count_calls(session.model)
    session.run(session.inversion(), edit, picture, seed=1, model=model)
    assert len(seen) == 5 and min(seen) > 0
    seen.clear()
    session.run(session.lqr(session.memory(picture)), edit, picture, model=model)
    assert len(seen) == 5 and seen == sorted(seen, reverse=True)


def test_every_step_is_reported_for_bar_and_preview(
    session: Session, picture: Latent, edit: Conditioning
) -> None:
    (guider,) = run_core("BasicGuider", model=session.model, conditioning=edit)
    steps: list[tuple[int, int]] = []

    def callback(step: int, clean: Tensor, x: Tensor, total: int) -> None:
        assert clean.shape == x.shape == picture["samples"].shape
        steps.append((step, total))

    guider.sample(
        torch.zeros_like(picture["samples"]),
        picture["samples"],
        session.lqr(session.memory(picture)),
        session.sigmas,
        callback=callback,
        disable_pbar=True,
        seed=0,
    )
    assert steps == [(i, 4) for i in range(4)]


@pytest.mark.usefixtures("interrupted")
@pytest.mark.parametrize("which", ["inversion", "lqr"])
def test_an_interrupt_ends_the_run(
    session: Session, picture: Latent, edit: Conditioning, which: str
) -> None:
    sampler = session.inversion() if which == "inversion" else session.lqr(session.memory(picture))
    with pytest.raises(model_management.InterruptProcessingException):
        session.run(sampler, edit, picture, seed=1)


def test_a_turn_of_another_size_is_refused(
    session: Session, picture: Latent, edit: Conditioning
) -> None:
    memory = session.memory(picture)
    larger = random_latent(session.model, height=12)
    with pytest.raises(ValueError, match="Keep the size of the picture from turn to turn"):
        session.memory(larger, memory)
    with pytest.raises(ValueError, match="Keep the size of the picture from turn to turn"):
        session.run(session.lqr(memory), edit, larger)


@pytest.mark.parametrize("frames", [1, 3])
def test_a_video_is_refused(
    session: Session, picture: Latent, edit: Conditioning, frames: int
) -> None:
    video = {"samples": picture["samples"][:, :, None].repeat(1, 1, frames, 1, 1)}
    for sampler in (session.inversion(), session.lqr(session.memory(picture))):
        with pytest.raises(ValueError, match=rf"must hold pictures.*got \(1, \d+, {frames}, 8, 8"):
            session.run(sampler, edit, video, seed=1)
    with pytest.raises(ValueError, match="a turn starts from pictures"):
        session.memory(video)


def test_outside_a_noise_mask_the_previous_result_comes_back(
    session: Session, picture: Latent, edit: Conditioning
) -> None:
    first = random_latent(session.model, seed=8)["samples"]
    memory = TurnMemory(first, picture["samples"])
    mask = torch.zeros(1, 64, 64)
    mask[:, :32] = 1
    (masked,) = run_core("SetLatentNoiseMask", samples=picture, mask=mask)
    start = session.run(session.inversion(), edit, masked, seed=1)
    whole = session.run(session.inversion(), edit, picture, seed=1)
    assert torch.equal(start["samples"], whole["samples"])
    out = session.run(session.lqr(memory), edit, start)["samples"]
    top, bottom = out.split(out.shape[2] // 2, dim=2)
    torch.testing.assert_close(bottom, picture["samples"][:, :, out.shape[2] // 2 :])
    assert (top - picture["samples"][:, :, : out.shape[2] // 2]).abs().mean() > 0.01


def test_what_cannot_be_walked_is_refused(
    session: Session, picture: Latent, edit: Conditioning
) -> None:
    with pytest.raises(ValueError, match="Connect Random Noise"):
        session.run(session.inversion(), edit, picture)
    (eps,) = run_core("ModelSamplingDiscrete", model=session.model, sampling="eps", zsnr=False)
    with pytest.raises(ValueError, match="Load a FLUX model"):
        session.run(session.inversion(), edit, picture, seed=1, model=eps)
