"""What a locator is given: latents, schedules, samplers and batches as core's nodes take them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.host.iid import branch_conditioning, shut_padding, split_branches
from instance_edit.host.sampling_run import ALIKE, SamplingRun, sample_branches
from instance_edit.pictures.found import draw_found
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, samplers
from instance_edit.tests.with_comfyui.core import random_conditioning, random_latent, run_core
from instance_edit.tests.with_comfyui.locating import (
    SIGMAS,
    locate_by_contrast,
    locate_instances,
    locate_instruction,
    spans_for,
)

Locate = Callable[..., tuple[Any, ...]]


@pytest.fixture(params=["IID", "FoI", "contrast"])
def locate(request: pytest.FixtureRequest, pack_nodes, tiny_clip_flux1) -> Locate:
    """One of the locators, with its node's defaults."""
    nodes = {
        "IID": lambda model, **changes: locate_instances(pack_nodes, model, **changes),
        "FoI": lambda model, **changes: locate_instruction(
            pack_nodes, model, tiny_clip_flux1, **changes
        ),
        "contrast": lambda model, **changes: locate_by_contrast(pack_nodes, model, **changes),
    }
    return nodes[request.param]


@pytest.mark.parametrize("name", ["flux1", "flux2"])
def test_an_empty_latent_of_another_vae_is_fitted_as_core_fits_it(request, locate, name) -> None:
    """Empty Latent Image is made for 8 x 8 pixels per cell and says so; FLUX.2 has 16 x 16."""
    model = request.getfixturevalue(name)
    (empty,) = run_core("EmptyLatentImage", width=256, height=128, batch_size=1)
    assert locate(model, latent=empty)[0].shape == (3, 128, 256)


@pytest.mark.parametrize("name", ["flux1", "flux2"])
def test_iids_latent_is_sampled_on_at_the_size_at_which_core_samples(
    request, pack_nodes, name
) -> None:
    model = request.getfixturevalue(name)
    (empty,) = run_core("EmptyLatentImage", width=256, height=128, batch_size=1)
    *_, composed, left = locate_instances(pack_nodes, model, latent=empty)
    assert "downscale_ratio_spacial" not in composed
    (guider,) = run_core("BasicGuider", model=model, conditioning=random_conditioning(model))

    def sampled(latent: Any, sigmas: Tensor) -> tuple[int, ...]:
        (noise,) = run_core("DisableNoise")
        euler = samplers.sampler_object("euler")
        parts = {"noise": noise, "guider": guider, "sampler": euler, "sigmas": sigmas}
        out = run_core("SamplerCustomAdvanced", latent_image=latent, **parts)[0]
        return tuple(out["samples"].shape)

    assert sampled(composed, left) == sampled(empty, SIGMAS) == tuple(composed["samples"].shape)


@pytest.mark.parametrize(
    "levels", [[], [1.0], [0.0, 0.5, 1.0], [0.5, 0.5], [1.0, 0.4, 0.6, 0.0]], ids=str
)
def test_a_schedule_that_does_not_fall_is_refused_as_the_schedule(
    flux1, locate, levels: list[float]
) -> None:
    with pytest.raises(ValueError, match=r"the schedule 'sigmas' must be .* got \[.*Flip Sigmas"):
        locate(flux1, sigmas=torch.tensor(levels))


@pytest.mark.parametrize("shape", [(1, 16, 1, 8, 8), (1, 16, 3, 8, 8), (16, 8, 8)])
def test_a_latent_that_is_no_picture_is_refused(flux1, locate, shape) -> None:
    with pytest.raises(ValueError, match="the latent must hold pictures"):
        locate(flux1, latent={"samples": torch.zeros(shape)})


def test_several_pictures_share_masks_and_the_log_says_so(flux1_deep, locate, caplog) -> None:
    assert locate(flux1_deep, latent=random_latent(flux1_deep))[0].shape[0] == 3
    assert "mean over all" not in caplog.text
    masks = locate(flux1_deep, latent=random_latent(flux1_deep, batch=2))[0]
    assert masks.shape[0] == 3
    assert caplog.text.count("holds 2 pictures: the masks found are the mean over all") == 1


def test_a_noise_mask_for_each_picture_stays_with_its_picture(pack_nodes, flux1_deep) -> None:
    """Where nothing may change the branches hold the picture at the noise level of the step."""
    latent = random_latent(flux1_deep, batch=2)
    mask = torch.zeros(2, 64, 64)
    mask[0, :, :32] = mask[1, :, 32:] = 1
    composed = locate_instances(
        pack_nodes, flux1_deep, latent={**latent, "noise_mask": mask}, branches_at_once=3
    )[3]["samples"]
    for n, kept in enumerate((slice(4, 8), slice(0, 4))):
        alone = {"samples": latent["samples"][n : n + 1], "noise_mask": mask[n : n + 1]}
        one = locate_instances(
            pack_nodes, flux1_deep, latent={**alone, "batch_index": [n]}, branches_at_once=1
        )[3]["samples"]
        torch.testing.assert_close(composed[n, ..., kept], one[0, ..., kept])


@pytest.mark.parametrize("size", [(2, 90), (90, 2), (1, 50)])
def test_the_longest_latents_have_a_preview(flux1, locate, size: tuple[int, int]) -> None:
    masks, _, preview = locate(flux1, latent=random_latent(flux1, *size))[:3]
    assert masks.shape[1:] == (size[0] * 8, size[1] * 8) and preview.shape[0] == 3


def test_in_a_latent_of_one_token_nothing_is_found(flux1, locate) -> None:
    with pytest.raises(ValueError, match="nothing was found for instruction"):
        locate(flux1, latent=random_latent(flux1, 2, 2))


@pytest.mark.parametrize("shape", [(1, 400), (400, 1), (1, 1), (3, 100)])
def test_a_found_map_of_any_shape_is_drawn(shape: tuple[int, int]) -> None:
    raw = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    page = draw_found(raw, 0.5, (raw > 0.5).repeat_interleave(16, 0).float(), 0, "a cat", None)
    assert page.height > 48 and page.width > 3 * 48


@pytest.mark.parametrize(
    "sampler",
    ["euler", "heun", "euler_ancestral", "dpmpp_sde", "dpmpp_2m_sde", "lcm", "ddpm", "er_sde"]
    + ["seeds_2", "sa_solver", "ddim", "uni_pc", "dpm_fast"],
)
def test_every_branch_gets_the_same_noise_whatever_runs_together(
    pack_nodes, flux1, sampler: str
) -> None:
    how = samplers.sampler_object(sampler)
    one, three = (
        locate_instances(pack_nodes, flux1, sampler=how, branches_at_once=count) for count in (1, 3)
    )
    torch.testing.assert_close(three[3]["samples"], one[3]["samples"], atol=1e-3, rtol=1e-3)
    assert torch.equal(three[0], one[0])


def twins(model: ModelPatcher, how: Any) -> float:
    """How far two branches of one instruction are apart when they run as one batch."""
    both = split_branches(spans_for(model))
    texts, _ = branch_conditioning(replace(both, texts=both.texts[:1] * 2), positions=False)
    run = SamplingRun(random_latent(model), how, SIGMAS[:4], 3)
    ends = sample_branches(shut_padding(model), texts, run, 2)
    return float((ends[:, 0] - ends[:, 1]).abs().max())


def test_the_samplers_that_are_batched_treat_twins_alike(flux1) -> None:
    batched = [
        name
        for name in samplers.KSAMPLER_NAMES
        if samplers.sampler_object(name).sampler_function in ALIKE
    ]
    assert len(batched) == len(ALIKE)
    assert all(twins(flux1, samplers.sampler_object(name)) < 1e-4 for name in batched)
    assert twins(flux1, samplers.sampler_object("euler_ancestral")) > 0.1


@pytest.mark.parametrize("options", [{"s_churn": 5.0}, {"s_noise": 2.0}])
def test_a_sampler_with_options_of_its_own_runs_each_branch_alone(
    pack_nodes, flux1, options
) -> None:
    how = samplers.ksampler("euler", options)
    one, three = (
        locate_instances(pack_nodes, flux1, sampler=how, branches_at_once=count)[3]["samples"]
        for count in (1, 3)
    )
    assert torch.equal(one, three)
