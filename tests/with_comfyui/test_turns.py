"""Flow Inversion, Turn Memory and Dual-LQR Sampler through core's SamplerCustomAdvanced."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.sampling.lqr import TurnMemory
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    plain_on,
    random_conditioning,
    random_latent,
    reference,
    run_core,
    run_node,
)
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.sessions import OFF, ON, Latent, Session
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for


@pytest.fixture(params=["flux1_deep", "flux2"])
def session(request: pytest.FixtureRequest, pack_nodes: dict[str, type]) -> Session:
    return Session(pack_nodes, request.getfixturevalue(request.param))


@pytest.fixture
def picture(session: Session) -> Latent:
    return random_latent(session.model, seed=3)


@pytest.fixture
def edit(session: Session) -> Conditioning:
    return random_conditioning(session.model, seed=4)


def test_gamma_one_gives_the_noise_itself(
    session: Session, picture: Latent, edit: Conditioning
) -> None:
    out = session.run(session.inversion(1.0), edit, picture, seed=7)["samples"]
    noise = run_core("RandomNoise", noise_seed=7)[0].generate_noise(picture)
    torch.testing.assert_close(session.model.model.process_latent_in(out), noise)


def test_eta_one_arrives_at_the_dual_target(
    session: Session, picture: Latent, edit: Conditioning
) -> None:
    memory = TurnMemory(picture["samples"], random_latent(session.model, seed=8)["samples"])
    sampler = session.lqr(memory, eta=1.0, lqr_steps=4)
    out = session.run(sampler, edit, random_latent(session.model))["samples"]
    torch.testing.assert_close(out, 0.3 * memory.first + 0.7 * memory.previous)


def test_what_only_drifts_comes_back_exactly(
    session: Session, picture: Latent, edit: Conditioning
) -> None:
    start = random_latent(session.model)
    plain = session.run(session.lqr(session.memory(picture), eta=0.0, tolerance=0.0), edit, start)
    near = {"samples": plain["samples"].clone()}
    top = slice(0, near["samples"].shape[2] // 2)
    near["samples"][:, :, top] += 0.01
    near["samples"][:, :, top.stop :] += 5
    out = session.run(session.lqr(session.memory(near), lqr_steps=0, tolerance=0.5), edit, start)
    torch.testing.assert_close(out["samples"][:, :, top], near["samples"][:, :, top])
    assert (out["samples"] - near["samples"])[:, :, top.stop :].abs().min() > 1


@pytest.mark.parametrize("references", [0, 1])
def test_turns_follow_seed_and_memory_and_repeat_exactly(
    session: Session, picture: Latent, edit: Conditioning, references: int
) -> None:
    edit = reference(edit, *[picture] * references)

    def three_turns(seed: int) -> Tensor:
        latent, memory = picture, None
        for turn in range(3):
            latent, memory = session.turn(latent, edit, memory, seed=seed + turn)
        assert torch.equal(memory.first, picture["samples"])
        return latent["samples"]

    first = three_turns(0)
    assert first.isfinite().all() and first.shape == picture["samples"].shape
    assert torch.equal(first, three_turns(0))
    assert not torch.equal(first, three_turns(50))


def test_eta_and_tolerance_zero_ignore_the_memory(
    session: Session, picture: Latent, edit: Conditioning
) -> None:
    start = random_latent(session.model)
    other = session.memory(random_latent(session.model, seed=8))

    def run(memory: TurnMemory) -> Tensor:
        sampler = session.lqr(memory, eta=0.0, tolerance=0.0)
        return session.run(sampler, edit, start)["samples"]

    plain = run(session.memory(picture))
    assert torch.equal(plain, run(other))
    pulled = session.run(session.lqr(other), edit, start)["samples"]
    assert (pulled - plain).norm() > 0.01 * plain.norm()


@pytest.mark.parametrize("negative", [None, 6])
def test_adaptive_attention_acts_from_its_first_step(
    session: Session, picture: Latent, edit: Conditioning, negative: int | None
) -> None:
    start, memory = random_latent(session.model), session.memory(picture)
    other = None if negative is None else random_conditioning(session.model, seed=negative)

    def run(adaptive: dict[str, Any]) -> Tensor:
        return session.run(session.lqr(memory, adaptive), edit, start, negative=other)["samples"]

    plain, highlighted = run(OFF), run(ON)
    assert highlighted.isfinite().all()
    assert (highlighted - plain).norm() > 1e-3 * plain.norm()
    assert torch.equal(highlighted, run(ON))
    assert torch.equal(plain, run({**ON, "first_step": 5}))
    assert not torch.equal(plain, run({**ON, "first_step": 4}))
    published = run({**ON, "adaptive_attention": "on, as published"})
    assert not torch.allclose(published, highlighted) and not torch.allclose(published, plain)
    for choice in ("on", "on, as published"):
        neutral = run({**ON, "adaptive_attention": choice, "inside": 1.0, "outside": 1.0})
        torch.testing.assert_close(neutral, plain)


def test_the_regulators_time_may_be_counted_in_steps_which_says_so_in_a_part(
    session: Session, picture: Latent, edit: Conditioning, caplog: pytest.LogCaptureFixture
) -> None:
    start, memory = random_latent(session.model), session.memory(picture)

    def run(**options: Any) -> Tensor:
        sampler = session.lqr(memory, eta=0.5, tolerance=0.0, lqr_steps=3, **options)
        return session.run(sampler, edit, start)["samples"]

    assert torch.equal(run(), run(time_by="noise level"))
    assert not torch.allclose(run(time_by="steps"), run(), atol=1e-3)
    assert "the regulator's time" not in caplog.text
    session.sigmas = session.sigmas[:3]
    run(time_by="steps", window_by="noise level")
    assert "set 'time by' of Dual-LQR Sampler to 'noise level'" in caplog.text


@pytest.mark.parametrize("adaptive", [OFF, ON])
def test_a_turn_may_edit_several_instances(
    session: Session, picture: Latent, pack_nodes: dict[str, type], adaptive: dict[str, Any]
) -> None:
    editor = Editor(pack_nodes)
    regions = editor.regions()
    biased = editor.apply(session.model, editor.bias(regions))
    options = copy.deepcopy(biased.model_options)
    edit = reference(spans_for(session.model, regions), picture)

    def run(model: ModelPatcher) -> Tensor:
        own = plain_on(model, edit)
        return session.turn(picture, own, model=model, adaptive=adaptive)[0]["samples"]

    out = run(biased)
    assert out.isfinite().all()
    assert torch.equal(out, run(biased))
    assert (out - run(session.model)).norm() > 0.01 * out.norm()
    assert biased.model_options == options


def test_a_later_turn_remembers_the_very_first_picture(session: Session, picture: Latent) -> None:
    second, third = (random_latent(session.model, seed=seed) for seed in (5, 6))
    turn = session.memory(third, session.memory(second, session.memory(picture)))
    assert torch.equal(turn.first, picture["samples"])
    assert torch.equal(turn.previous, third["samples"])


def test_variants_of_one_picture_go_on_in_the_next_turn(
    session: Session, picture: Latent, edit: Conditioning, pack_nodes: dict[str, type]
) -> None:
    memory = session.memory(picture)
    start = random_latent(session.model, seed=5)
    (three,) = run_core("RepeatLatentBatch", samples=start, amount=3)
    variants = session.run(session.lqr(memory), edit, three)
    later = session.memory(variants, memory)
    assert (len(later.first), len(later.previous)) == (1, 3)
    inverted = session.run(session.inversion(), edit, variants, seed=1)
    found = session.run(session.lqr(later), edit, inverted)["samples"]
    one = session.memory({"samples": variants["samples"][:1]}, memory)
    alone = {"samples": inverted["samples"][:1]}
    wanted = session.run(session.lqr(one), edit, alone)["samples"]
    torch.testing.assert_close(found[:1], wanted, atol=1e-4, rtol=1e-4)
    undo = pack_nodes["InstanceEditUndoDrift"]
    given = {"latent": {"samples": found}, "turn": later, "tolerance": 0.1}
    assert run_node(undo, model=session.model, **given)[1].shape[0] == 3
    with pytest.raises(ValueError, match="has 3 pictures, this one has 2"):
        session.memory({"samples": found[:2]}, session.memory(variants))


def test_undo_drift_puts_back_what_moved_little_on_the_models_scale(
    session: Session, pack_nodes: dict[str, type]
) -> None:
    model = session.model.model
    scaled = torch.zeros_like(model.process_latent_in(random_latent(session.model)["samples"]))
    scaled[:, :, 0] += 0.09
    scaled[:, :, 1] += 0.11
    first, edited = (model.process_latent_out(x) for x in (torch.zeros_like(scaled), scaled))
    inputs = {"latent": {"samples": edited, "other": 1}, "turn": TurnMemory(first, first)}
    node = pack_nodes["InstanceEditUndoDrift"]
    latent, changed, report = run_node(node, model=session.model, tolerance=0.1, **inputs)
    torch.testing.assert_close(latent["samples"][:, :, 1:], edited[:, :, 1:])
    torch.testing.assert_close(latent["samples"][:, :, 0], first[:, :, 0])
    assert latent["other"] == 1 and changed.shape == (1, *edited.shape[2:])
    assert changed[0].sum(1).tolist() == [0, edited.shape[3]] + [0] * (edited.shape[2] - 2)
    assert "was put back" in report and "0.090 at most" in report
    inputs["turn"] = TurnMemory(first + 9, first + 9)
    latent, changed, report = run_node(node, model=session.model, tolerance=0.0, **inputs)
    torch.testing.assert_close(latent["samples"], edited)
    assert changed.all() and "Nothing was put back" in report
