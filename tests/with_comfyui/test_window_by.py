"""Windows that mean the same however a sampling is cut up, and the word where they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, samplers
from instance_edit.tests.with_comfyui.core import (
    random_conditioning,
    random_latent,
    run_core,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.locating import spans_for
from instance_edit.tests.with_comfyui.sessions import OFF, ON, Session
from instance_edit.tests.with_comfyui.test_foi import TWO, guide

MODELS = ["flux1_deep", "flux2"]
BY_LEVEL = {"window_by": "noise level"}
Latent = Mapping[str, Tensor]


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> ModelPatcher:
    return request.getfixturevalue(request.param)


def two_spans(model: ModelPatcher) -> Any:
    return spans_for(model, (2, 3, 4), TWO, references=1)


def biased(nodes: dict[str, type], model: ModelPatcher, where: str, **options: Any) -> ModelPatcher:
    """The model with a bias in half of the sampling, as its own window or a region's."""
    editor = Editor(nodes)
    window = {"start": 0.5} if "late" in where else {"end": 0.5}
    regions = editor.regions(TWO, **(window if "region" in where else {}))
    whole = {} if "region" in where else window
    return editor.apply(model, editor.bias(regions, idattn(), **whole, **options))


def advanced(
    model: ModelPatcher, conditioning: Any, latent: Latent, steps: range, **changes: Any
) -> Latent:
    """KSampler (Advanced) over some of 8 steps."""
    first = steps.start == 0
    inputs = {
        "add_noise": "enable" if first else "disable",
        "noise_seed": 3,
        "steps": 8,
        "cfg": 1.0,
        "sampler_name": "euler",
        "scheduler": "simple",
        "start_at_step": steps.start,
        "end_at_step": steps.stop,
        "return_with_leftover_noise": "disable" if steps.stop == 8 else "enable",
        **changes,
    }
    pair = {"positive": conditioning, "negative": conditioning}
    return run_core("KSamplerAdvanced", model=model, latent_image=latent, **pair, **inputs)[0]


def split_error(run: Callable[[Latent, range], Latent], latent: Latent, cut: int = 4) -> float:
    """How far a run of 8 steps is from the same in two parts."""
    whole = run(latent, range(8))
    halves = run(run(latent, range(cut)), range(cut, 8))
    return float((whole["samples"] - halves["samples"]).abs().max())


@pytest.mark.parametrize("where", ["bias, early", "region, late"])
def test_a_window_by_noise_level_means_the_same_in_a_split_run(pack_nodes, model, where) -> None:
    positive, latent = two_spans(model), random_latent(model)

    def error(cut: int, **options: Any) -> float:
        patched = biased(pack_nodes, model, where, **options)
        return split_error(lambda x, steps: advanced(patched, positive, x, steps), latent, cut)

    assert error(4) > 0.01
    for cut in (2, 5):
        assert error(cut, **BY_LEVEL) < 1e-4


@pytest.mark.parametrize(
    ("sampler", "scheduler"),
    [("heun", "sgm_uniform"), ("dpm_2", "beta"), ("lms", "normal"), ("euler", "ddim_uniform")],
)
@pytest.mark.parametrize("denoise", [1.0, 0.6])
def test_it_acts_in_the_calls_in_which_cores_timestep_range_acts(
    pack_nodes, flux1_deep, sampler, scheduler, denoise
) -> None:
    """The bias in a window is the plain prompt outside of it, and the whole bias inside."""
    model, latent, positive = flux1_deep, random_latent(flux1_deep), two_spans(flux1_deep)
    how = {"steps": 6, "sampler": sampler, "scheduler": scheduler, "denoise": denoise}
    editor, regions = Editor(pack_nodes), Editor(pack_nodes).regions(TWO)
    window = {"start": 0.33, "end": 0.77}
    plain = [[text, {**extras, "model_conds": {}}] for text, extras in positive]
    ranged = []
    for one, (start, end) in ((plain, (0, 0.33)), (positive, (0.33, 0.77)), (plain, (0.77, 1))):
        node = "ConditioningSetTimestepRange"
        ranged += run_core(node, conditioning=one, start=start, end=end)[0]
    whole = editor.apply(model, editor.bias(regions, idattn()))
    wanted = sample(whole, ranged, ranged, latent, **how)
    windowed = editor.apply(model, editor.bias(regions, idattn(), **window, **BY_LEVEL))
    found = sample(windowed, positive, positive, latent, **how)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)
    assert (found - sample(model, plain, plain, latent, **how)).abs().max() > 1e-3
    assert (found - sample(whole, positive, positive, latent, **how)).abs().max() > 1e-3


@pytest.mark.parametrize("options", [{}, BY_LEVEL], ids=["steps", "noise level"])
@pytest.mark.parametrize(
    ("steps", "denoise", "part"),
    [(range(8), 1.0, 0), (range(4), 1.0, 1), (range(4, 8), 1.0, 1), (range(8), 0.5, 1)],
)
def test_steps_in_a_part_of_a_sampling_say_so_once_with_the_remedy(
    pack_nodes, flux1_deep, caplog, options, steps, denoise, part
) -> None:
    patched = biased(pack_nodes, flux1_deep, "bias, early", **options)
    positive, latent = two_spans(flux1_deep), random_latent(flux1_deep)
    if denoise < 1:
        sample(patched, positive, positive, latent, steps=4, denoise=denoise)
    else:
        advanced(patched, positive, latent, steps)
    said = [one.message for one in caplog.records if "window by" in one.message]
    assert len(said) == (0 if options else part)
    assert all("to 'noise level'" in one and "Build Disentangled Bias" in one for one in said)


def test_without_windows_a_part_of_a_sampling_needs_no_word(pack_nodes, flux1_deep, caplog) -> None:
    editor, regions = Editor(pack_nodes), Editor(pack_nodes).regions(TWO)
    patched = editor.apply(flux1_deep, editor.bias(regions, idattn()))
    advanced(patched, two_spans(flux1_deep), random_latent(flux1_deep), range(4, 8))
    assert "window by" not in caplog.text


def up(guider: Any, latent: Latent, levels: list[float]) -> Tensor:
    """An Euler walk upwards, as Flip Sigmas makes one."""
    euler, start = samplers.sampler_object("euler"), latent["samples"]
    return guider.sample(start * 0, start, euler, torch.tensor(levels), seed=0)


@pytest.mark.parametrize("options", [{}, BY_LEVEL], ids=["steps", "noise level"])
def test_a_window_holds_in_a_flipped_schedule(pack_nodes, flux1_deep, options) -> None:
    """Its steps count from the first; noise levels stand where they stand."""
    positive, latent = two_spans(flux1_deep), random_latent(flux1_deep)
    plain = [[text, {**extras, "model_conds": {}}] for text, extras in positive]
    guiders = {
        name: run_core(
            "BasicGuider", model=patched, conditioning=plain if name == "plain" else positive
        )[0]
        for name, patched in {
            "plain": flux1_deep,
            "early": biased(pack_nodes, flux1_deep, "bias, early", **options),
            "late": biased(pack_nodes, flux1_deep, "bias, late", **options),
        }.items()
    }
    for levels, by_level in (([0.1, 0.2, 0.3], "late"), ([0.9, 0.95, 0.99], "early")):
        found = {name: up(guider, latent, levels) for name, guider in guiders.items()}
        acting = [name for name in ("early", "late") if not found[name].equal(found["plain"])]
        assert acting == ([by_level] if options else ["early", "late"])
        assert not found["early"].equal(found["late"])


@pytest.mark.parametrize("form", ["guidance-distilled", "with CFG"])
def test_foi_by_noise_level_in_two_parts_is_foi_in_one(
    pack_nodes, flux1_deep, form, caplog
) -> None:
    model = flux1_deep
    regions = Editor(pack_nodes).regions(TWO)
    forms = {
        "guidance-distilled": {"form": form, "strength": 1.0},
        "with CFG": {"form": form, "image_scale": 1.5, "text_scale": 2.0},
    }

    def error(cut: int, **options: Any) -> float:
        guider = guide(pack_nodes, model, regions, form=forms[form], **options)
        return split_error(
            lambda latent, steps: custom(guider, model, latent, steps), random_latent(model), cut
        )

    assert error(4) > 1e-3
    assert caplog.text.count("FoI Guider to 'noise level'") == 2
    for cut in (1, 5):
        assert error(cut, **BY_LEVEL) < 1e-4
    assert caplog.text.count("to 'noise level'") == 2


def custom(guider: Any, model: ModelPatcher, latent: Latent, steps: range) -> Latent:
    """SamplerCustomAdvanced over some of 8 steps."""
    (sigmas,) = run_core("BasicScheduler", model=model, scheduler="simple", steps=8, denoise=1.0)
    noise = "RandomNoise" if steps.start == 0 else "DisableNoise"
    options = {"noise_seed": 3} if steps.start == 0 else {}
    return run_core(
        "SamplerCustomAdvanced",
        noise=run_core(noise, **options)[0],
        guider=guider,
        sampler=samplers.sampler_object("euler"),
        sigmas=sigmas[steps.start : steps.stop + 1],
        latent_image=latent,
    )[0]


@pytest.mark.parametrize("adaptive", [OFF, {**ON, "first_step": 8}], ids=["off", "on"])
def test_dual_lqr_by_noise_level_pulls_in_two_parts_where_it_pulls_in_one(
    pack_nodes, flux1_deep, adaptive, caplog
) -> None:
    """The half step begins anew in every part, as in the same run without a pull."""
    model = flux1_deep
    session = Session(pack_nodes, model, steps=8)
    picture, edit = random_latent(model, seed=3), random_conditioning(model, seed=4)
    sigmas = session.sigmas

    def error(**options: Any) -> float:
        how = {"tolerance": 0.0, "adaptive": adaptive, **options}
        sampler = session.lqr(session.memory(picture), **how)

        def run(latent: Latent, steps: range) -> Latent:
            session.sigmas = sigmas[steps.start : steps.stop + 1]
            return session.run(sampler, edit, dict(latent))

        whole = run(random_latent(model, seed=9), range(8))["samples"]
        halves = run(run(random_latent(model, seed=9), range(4)), range(4, 8))["samples"]
        return float((whole - halves).norm() / whole.norm())

    assert error(lqr_steps=4) > 0.3
    assert caplog.text.count("Dual-LQR Sampler to 'noise level'") == 2
    for lqr_steps in (0, 2, 7, 12):
        assert error(lqr_steps=lqr_steps, **BY_LEVEL) < 0.1
    assert caplog.text.count("to 'noise level'") == 2


def test_adaptive_attention_goes_on_in_the_second_part(pack_nodes, flux1_deep) -> None:
    """Its maps come from the call before the part's first step."""
    session = Session(pack_nodes, flux1_deep, steps=8)
    edit, latent = random_conditioning(flux1_deep, seed=4), random_latent(flux1_deep, seed=9)
    memory, session.sigmas = session.memory(random_latent(flux1_deep, seed=3)), session.sigmas[6:8]

    def run(adaptive: Mapping[str, object], **options: Any) -> Tensor:
        sampler = session.lqr(memory, dict(adaptive), lqr_steps=0, tolerance=0.0, **options)
        return session.run(sampler, edit, latent)["samples"]

    plain = run(OFF)
    assert torch.equal(run({**ON, "first_step": 5}), plain)
    assert not torch.equal(run({**ON, "first_step": 5}, **BY_LEVEL), plain)
    assert torch.equal(run({**ON, "first_step": 14}, **BY_LEVEL), plain)


def test_every_node_with_windows_has_the_choice_and_saved_as_steps(pack_nodes) -> None:
    for name in ("BuildBias", "FoIGuider", "DualLQRSampler"):
        node = pack_nodes[f"InstanceEdit{name}"]
        [last] = [one for one in node.GET_SCHEMA().inputs if one.id == "window_by"]
        assert (last.id, last.options, last.default) == (
            "window_by",
            ["steps", "noise level"],
            "steps",
        )
        assert last.optional
