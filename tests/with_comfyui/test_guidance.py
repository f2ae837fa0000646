"""What other nodes hang on a guider's prediction runs in FoI Guider and the contrast locator."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import samplers
from instance_edit.tests.with_comfyui.core import random_latent, run_core
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.locating import locate_by_contrast
from instance_edit.tests.with_comfyui.sessions import OFF, ON, Session
from instance_edit.tests.with_comfyui.test_foi import DISTILLED, TWO, WITH_CFG, guide, run

CFG_PP = [name for name in samplers.KSAMPLER_NAMES if "cfg_pp" in name]


@pytest.mark.parametrize("sampler", CFG_PP)
def test_cfg_pp_samplers_run(pack_nodes, flux1_deep, sampler: str) -> None:
    regions = Editor(pack_nodes).regions(TWO)
    for form in (DISTILLED, WITH_CFG):
        out = run(
            guide(pack_nodes, flux1_deep, regions, form=form),
            random_latent(flux1_deep),
            sampler=sampler,
        )
        assert out.isfinite().all()
    how = samplers.sampler_object(sampler)
    assert locate_by_contrast(pack_nodes, flux1_deep, sampler=how)[0].any()


def test_a_cfg_pp_sampler_walks_by_the_null_text_as_core_by_the_negative(
    pack_nodes, flux1_deep
) -> None:
    """With masks that hold everything FoI is CFG between two texts, which core can do as well."""
    regions = Editor(pack_nodes).regions(TWO, torch.ones(2, 8, 8))
    form = {"form": "guidance-distilled", "strength": 2.0}
    guider = guide(pack_nodes, flux1_deep, regions, boost=0.0, form=form)
    found = run(guider, random_latent(flux1_deep), sampler="euler_cfg_pp")
    positive = [[text, {**extras, "model_conds": {}}] for text, extras in plain_of(guider)]
    null = [[text, {**extras, "model_conds": {}}] for text, extras in null_of(guider)]
    (core,) = run_core("CFGGuider", model=flux1_deep, positive=positive, negative=null, cfg=2.0)
    wanted = run(core, random_latent(flux1_deep), sampler="euler_cfg_pp")
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)


def plain_of(guider: Any) -> list[list[Any]]:
    return [[one["cross_attn"], without_text(one)] for one in guider.original_conds["plain"]]


def null_of(guider: Any) -> list[list[Any]]:
    """v(I,0)'s conditioning: the second text of the pair."""
    [pair] = guider.original_conds["positive"]
    extras = without_text(pair)
    return [[pair["cross_attn"][1:], {**extras, "pooled_output": extras["pooled_output"][1:]}]]


def without_text(cond: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cond.items() if name not in ("cross_attn", "uuid")}


@pytest.mark.parametrize("form", [DISTILLED, WITH_CFG])
def test_post_cfg_functions_of_other_nodes_run_and_may_call_the_model(
    pack_nodes, flux1_deep, form
) -> None:
    seen: list[dict[str, Any]] = []

    def halve(args: dict[str, Any]) -> Tensor:
        seen.append(args)
        conds = [args["cond"], args["uncond"]]
        both = samplers.calc_cond_batch(
            args["model"], conds, args["input"], args["sigma"], args["model_options"]
        )
        assert all(one.isfinite().all() and one.shape == args["input"].shape for one in both)
        return args["denoised"] / 2

    regions, latent = Editor(pack_nodes).regions(TWO), random_latent(flux1_deep, batch=2)
    patched = flux1_deep.clone()
    patched.set_model_sampler_post_cfg_function(halve)
    found = run(guide(pack_nodes, patched, regions, form=form), latent)
    plain = run(guide(pack_nodes, flux1_deep, regions, form=form), latent)
    assert len(seen) == 5 and not torch.allclose(found, plain)
    assert seen[0]["cond_scale"] == (7.5 if form is WITH_CFG else 1.0)


def test_the_contrast_locators_walk_has_post_cfg_functions(pack_nodes, flux1_deep) -> None:
    calls: list[Tensor] = []

    def note(args: dict[str, Any]) -> Tensor:
        calls.append(args["denoised"])
        return args["denoised"]

    patched = flux1_deep.clone()
    patched.set_model_sampler_post_cfg_function(note)
    masks = locate_by_contrast(pack_nodes, patched)[0]
    assert len(calls) == 2
    assert torch.equal(masks, locate_by_contrast(pack_nodes, flux1_deep)[0])


@pytest.mark.parametrize(
    "setter",
    [
        "set_model_sampler_cfg_function",
        "set_model_sampler_pre_cfg_function",
        "set_model_sampler_calc_cond_batch_function",
    ],
)
def test_another_way_to_blend_is_refused_by_its_name(pack_nodes, flux1_deep, setter) -> None:
    def rescale(args: dict[str, Any]) -> Any:
        return args["cond"]

    patched = flux1_deep.clone()
    getattr(patched, setter)(rescale)
    with pytest.raises(ValueError, match=r"FoI Guider blends .*rescale.* Remove that node"):
        guide(pack_nodes, patched, Editor(pack_nodes).regions(TWO))


@pytest.mark.parametrize("form", [DISTILLED, WITH_CFG])
def test_adaptive_attention_in_foi_guider_is_refused_with_both_names(
    pack_nodes, flux1_deep, form
) -> None:
    session, latent = Session(pack_nodes, flux1_deep), random_latent(flux1_deep)
    memory, regions = session.memory(latent), Editor(pack_nodes).regions(TWO)
    guider = guide(pack_nodes, flux1_deep, regions, form=form)

    def sampled(adaptive: dict[str, Any]) -> Tensor:
        return guider.sample(
            torch.zeros_like(latent["samples"]),
            latent["samples"],
            session.lqr(memory, adaptive),
            session.sigmas,
            seed=0,
        )

    assert sampled(OFF).isfinite().all()
    for first_step in (2, 4):
        with pytest.raises(ValueError, match=r"\(Dual-LQR Sampler\) and FoI Guider both"):
            sampled({**ON, "first_step": first_step})
