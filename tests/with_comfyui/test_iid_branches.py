"""Locate Instances (IID): what every branch gets of its own, and how its maps are smoothed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from instance_edit.host.iid import Located, split_branches
from instance_edit.host.iid import locate_instances as locate
from instance_edit.host.sampling_run import SamplingRun
from instance_edit.mask_ops.contrast import contrast_masks, velocity_contrast
from instance_edit.mask_ops.found_masks import Smoothing, smooth_maps, spread_tokens
from instance_edit.sampling.iid import compose_branches
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_latent,
    run_core,
    sample_custom,
)
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.locating import (
    INSTRUCTIONS,
    SIGMAS,
    locate_by_contrast,
    locate_instances,
    spans_for,
)


@pytest.fixture
def encoded(pack_nodes: dict[str, type], tiny_clip_flux1: Any) -> Conditioning:
    """Three instructions by CLIP-L and T5, behind a global prompt."""
    editor = Editor(pack_nodes)
    regions = editor.regions(INSTRUCTIONS, torch.ones(3, 8, 8))
    return editor.encode(tiny_clip_flux1, regions, "a quiet room")


def pooled_alone(clip: Any, prompt: str) -> torch.Tensor:
    """The pooled vector that core's CLIP Text Encode gives a prompt."""
    return run_core("CLIPTextEncode", clip=clip, text=prompt)[0][0][1]["pooled_output"]


def sampled(model: Any, text: torch.Tensor, extras: dict[str, Any], steps: int) -> torch.Tensor:
    """What core samples of a text alone."""
    alone = [[text, extras]]
    latent, levels = random_latent(model), SIGMAS[: steps + 1].tolist()
    return sample_custom(model, alone, alone, latent, levels, seed=3)


@pytest.mark.parametrize("at_once", [0, 1])
def test_on_flux1_a_branch_is_what_its_instruction_alone_would_sample_pooled_vector_and_all(
    flux1_deep, tiny_clip_flux1, encoded, at_once
):
    run = SamplingRun(random_latent(flux1_deep), None, SIGMAS[:3], 3)
    found, composed = locate(flux1_deep, encoded, run, "", at_once)
    branches = split_branches(encoded)
    vectors = [pooled_alone(tiny_clip_flux1, text) for text in INSTRUCTIONS]
    assert not torch.equal(vectors[0], vectors[1])
    ends = [
        sampled(flux1_deep, text, {**branches.extras, "pooled_output": vector}, 2)
        for text, vector in zip(branches.texts, vectors, strict=True)
    ]
    fine = spread_tokens(found.masks, 2, (8, 8))
    expected = compose_branches(torch.stack(ends, dim=1), fine)
    torch.testing.assert_close(composed, expected, atol=1e-4, rtol=1e-4)


def test_velocity_contrast_gives_all_the_global_prompts_vector_so_that_words_alone_differ(
    pack_nodes, flux1_deep, encoded
):
    masks, *_ = locate_by_contrast(pack_nodes, flux1_deep, conditioning=encoded, steps=1)
    branches, [[text, extras]] = split_branches(encoded), encoded
    empty = text[:, : extras["model_conds"]["instance_edit"].cond.lengths[0]]
    plain, *ends = [
        sampled(flux1_deep, one, branches.extras, 1) for one in (empty, *branches.texts)
    ]
    found = contrast_masks(velocity_contrast(torch.stack(ends), plain), 2).masks
    assert torch.equal(spread_tokens(found.float(), 16, (64, 64)), masks)


def located(model: Any, *smoothing: Smoothing) -> Located:
    run = SamplingRun(random_latent(model, 16, 24), None, SIGMAS[:3], 3)
    return locate(model, spans_for(model), run, "", 0, *smoothing)


def test_its_maps_are_smoothed_by_the_gaussian_that_was_chosen(pack_nodes, flux1_deep):
    raw = located(flux1_deep, Smoothing(1, 1.0)).found.maps
    assert torch.equal(located(flux1_deep).found.maps, smooth_maps(raw, 3, 1.0))
    wide = located(flux1_deep, Smoothing(7, 2.0)).found
    assert torch.equal(wide.maps, smooth_maps(raw, 7, 2.0))
    masks, *_ = locate_instances(
        pack_nodes,
        flux1_deep,
        latent=random_latent(flux1_deep, 16, 24),
        smoothing=7,
        smoothing_sigma=2.0,
    )
    assert torch.equal(masks, spread_tokens(wide.masks.float(), 16, masks.shape[1:]))
    assert not torch.equal(wide.masks, located(flux1_deep).found.masks)


def test_an_even_gaussian_is_refused_with_one_that_is_odd(pack_nodes, flux1_deep):
    with pytest.raises(ValueError, match=r"must be odd and >= 1, got 4. Take 5"):
        locate_instances(pack_nodes, flux1_deep, smoothing=4)
