"""The miniature inside the real ComfyUI: the same mathematics, core's objects, working edits."""

from __future__ import annotations

import logging
import random
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.demo.flux import Flux
from instance_edit.demo.instructions import edits_of, prompt, sample_clauses
from instance_edit.demo.scenes import render, sample_scenes
from instance_edit.demo.text import tokenize
from instance_edit.demo.training.evaluate import idattn_mask
from instance_edit.demo.training.flow_run import initialise
from instance_edit.demo.training.judging import judge
from instance_edit.demo.weights import WEIGHTS, DemoWeights, load_weights
from instance_edit.host.loading import load_vae
from instance_edit.host.text_notes import unknown_words
from instance_edit.tests.with_comfyui import tiny_models
from instance_edit.tests.with_comfyui.core import reference, run_core, run_node, sample

SCENES = 12
MIN_SUCCESS = 0.9  # of 12 scenes; results/quality.json has a hundred, more crowded


@pytest.fixture(scope="module")
def weights() -> DemoWeights:
    return load_weights()


@pytest.fixture(scope="module")
def loaded(pack_nodes: dict[str, type]) -> tuple[Any, Any, Any]:
    """MODEL, CLIP and VAE as the node gives them."""
    model, clip, vae = run_node(pack_nodes["InstanceEditDemoModelLoader"])
    return model, clip, vae


def random_flux() -> Flux:
    torch.manual_seed(0)
    model = Flux()
    initialise(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


@pytest.mark.parametrize("masked", [False, True])
def test_the_bare_flux_computes_what_comfyui_computes(masked: bool) -> None:
    bare = random_flux()
    core = tiny_models.load_model(bare.state_dict()).model.diffusion_model
    generator = torch.Generator().manual_seed(1)
    x, context = torch.randn(2, 16, 18, 18, generator=generator), torch.randn(2, 9, 128)
    source, sigma = torch.randn(2, 16, 18, 18, generator=generator), torch.tensor([1.0, 0.37])
    guidance, mask = torch.tensor([3.5, 1.2]), None
    if masked:
        instances = torch.zeros(2, 2, 9, 9, dtype=torch.bool)
        instances[:, 0, :3, :3] = instances[:, 1, 3:6, 6:] = True
        mask = torch.stack([idattn_mask(part, [1, 4, 4], "dis") for part in instances])[:, None]
    with torch.no_grad():
        ours = bare(x, sigma, context, source, guidance, mask)
        keywords = {}
        if mask is not None:
            keywords["attention_mask"] = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf)
        theirs = core(x, sigma, context, None, guidance, [source], **keywords)
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_core_detects_the_shipped_model_as_flux(loaded: tuple[Any, Any, Any]) -> None:
    params = loaded[0].model.diffusion_model.params
    assert (params.depth, params.depth_single_blocks, params.hidden_size) == (3, 6, 128)
    assert params.guidance_embed and params.in_channels == 16
    assert WEIGHTS.stat().st_size <= 10_000_000


def test_core_can_make_a_second_model_of_its_own(loaded: tuple[Any, Any, Any]) -> None:
    """As Train LoRA does, and torch.compile where memory is managed dynamically."""
    first = loaded[0]
    second = first.clone(force_deepcopy=True)
    mine, other = (m.model.diffusion_model.state_dict() for m in (first, second))
    assert mine.keys() == other.keys()
    for name, weight in mine.items():
        assert torch.equal(weight, other[name])
        assert weight.data_ptr() != other[name].data_ptr()


@pytest.mark.parametrize("text", ["replace the red ring at top left with a blue star", ""])
def test_clip_text_encode_gives_the_trainers_features(
    loaded: tuple[Any, Any, Any], weights: DemoWeights, text: str
) -> None:
    ((features, extra),) = run_core("CLIPTextEncode", clip=loaded[1], text=text)[0]
    expected = weights.text_encoder()(torch.tensor([tokenize(text)]))
    torch.testing.assert_close(features, expected, rtol=1e-3, atol=1e-3)
    assert extra["pooled_output"].shape == (1, 64) and not extra["pooled_output"].any()


def test_a_word_can_be_weighted(loaded: tuple[Any, Any, Any]) -> None:
    plain, heavy = (
        run_core("CLIPTextEncode", clip=loaded[1], text=text)[0][0][0]
        for text in ("the red ring", "the (red:1.4) ring")
    )
    assert plain.shape == heavy.shape and not torch.equal(plain, heavy)


def test_a_minimum_length_is_filled_with_silent_padding(loaded: tuple[Any, Any, Any]) -> None:
    clip = loaded[1]
    tokens = clip.tokenize("the red ring", tokenizer_options={"demo_min_length": 20})
    features = clip.encode_from_tokens(tokens)
    assert features.shape == (1, 20, 128) and not features[:, 4:].any()


def test_the_codec_computes_what_its_weights_do_in_core(
    loaded: tuple[Any, Any, Any], weights: DemoWeights
) -> None:
    """Convolutions of zeros are left out, which changes no bit."""
    pixels = render(sample_scenes(2, torch.Generator().manual_seed(3))).movedim(1, -1)
    latents, pictures = [], []
    for vae in (loaded[2], load_vae(weights.vae_state())):
        latents.append(run_core("VAEEncode", vae=vae, pixels=pixels)[0]["samples"])
        pictures.append(run_core("VAEDecode", vae=vae, samples={"samples": latents[0]})[0])
    assert torch.equal(*latents) and torch.equal(*pictures)
    parts = loaded[2].first_stage_model.modules()
    convolutions = [part for part in parts if isinstance(part, torch.nn.Conv2d)]
    assert convolutions and all(part.weight.any() for part in convolutions)


def test_the_vae_gives_pictures_back(loaded: tuple[Any, Any, Any], weights: DemoWeights) -> None:
    images = render(sample_scenes(8, torch.Generator().manual_seed(3)))
    vae = loaded[2]
    (latent,) = run_core("VAEEncode", vae=vae, pixels=images.movedim(1, -1))
    seen = loaded[0].model.process_latent_in(latent["samples"])
    torch.testing.assert_close(seen, weights.encoder.encode(images), rtol=1e-2, atol=1e-2)
    (decoded,) = run_core("VAEDecode", vae=vae, samples=latent)
    error = (decoded.movedim(-1, 1) - images).square().mean()
    assert -10 * torch.log10(error) > 30  # dB


def edited(loaded: tuple[Any, Any, Any], image: Tensor, text: str, seed: int) -> Tensor:
    """One picture (1, 3, 144, 144) through core's nodes, with 6 Euler steps."""
    model, clip, vae = loaded
    (latent,) = run_core("VAEEncode", vae=vae, pixels=image.movedim(1, -1))
    (positive,) = run_core("CLIPTextEncode", clip=clip, text=text)
    positive = reference(positive, latent)
    empty = {"samples": torch.zeros_like(latent["samples"])}
    samples = sample(model, positive, positive, empty, steps=6, seed=seed)
    return run_core("VAEDecode", vae=vae, samples={"samples": samples})[0].movedim(-1, 1)


def test_single_edits_succeed_and_leave_the_rest_alone(loaded: tuple[Any, Any, Any]) -> None:
    scenes, rng = sample_scenes(SCENES, torch.Generator().manual_seed(4)), random.Random(4)
    clauses = [sample_clauses(scenes, index, 1, rng, unique=True) for index in range(SCENES)]
    images = render(scenes)
    results = [
        edited(loaded, images[index : index + 1], prompt(clauses[index]), index)
        for index in range(SCENES)
    ]
    result = judge(torch.cat(results), scenes, edits_of(scenes, clauses))
    assert result.success >= MIN_SUCCESS and result.clean >= MIN_SUCCESS
    assert result.mae_b < 3.0


def test_what_the_miniature_cannot_do_is_said(
    loaded: tuple[Any, Any, Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert unknown_words(loaded[1], "turn the DOG into a blue star") == ["'dog'"]
    small, large = torch.zeros(1, 3, 192, 192), torch.zeros(1, 3, 208, 208)
    with caplog.at_level(logging.WARNING, logger="instance_edit"):
        edited(loaded, small, "", 0)
        assert "trained on" not in caplog.text
        edited(loaded, large, "", 0)
    assert (
        "trained on pictures of up to 192 x 192 pixels and makes little of 208 x 208" in caplog.text
    )


def test_the_empty_prompt_copies_the_picture(loaded: tuple[Any, Any, Any]) -> None:
    image = render(sample_scenes(1, torch.Generator().manual_seed(6)))
    copy = edited(loaded, image, "", 6)
    assert (copy - image).abs().mean() * 255 < 4.0
