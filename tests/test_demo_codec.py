"""The demo's codec: TAESD's convolutions compute exactly the fitted linear map."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from instance_edit.demo.codec import (
    ALL_BLOCKS,
    FLUX_SCALE,
    FLUX_SHIFT,
    Decoder,
    LinearEncoder,
    fit_encoder,
)
from instance_edit.demo.flux import patchify, unpatchify
from instance_edit.demo.scenes import render, sample_scenes
from instance_edit.demo.taesd import taesd_state

STRIDED = (2, 6, 10)
BLOCKS = (1, 3, 4, 5, 7, 8, 9, 11, 12, 13)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return render(sample_scenes(32, torch.Generator().manual_seed(0)))


@pytest.fixture(scope="module")
def encoder(images: Tensor) -> LinearEncoder:
    return fit_encoder(images)


def block(state: dict[str, Tensor], prefix: str, x: Tensor) -> Tensor:
    y = x
    for layer in (0, 2, 4):
        weight, bias = state[f"{prefix}.conv.{layer}.weight"], state[f"{prefix}.conv.{layer}.bias"]
        y = functional.conv2d(y, weight, bias, padding=1)
        y = y.relu() if layer < 4 else y
    return (y + x).relu()


def taesd_encode(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """TAESD's encoder, then what ComfyUI's FLUX does before the model."""
    for index in range(15):
        prefix = f"taesd_encoder.{index}"
        if index in BLOCKS:
            x = block(state, prefix, x)
        else:
            stride = 2 if index in STRIDED else 1
            bias = state.get(f"{prefix}.bias")
            x = functional.conv2d(x, state[f"{prefix}.weight"], bias, stride, padding=1)
    return (x / state["vae_scale"] + state["vae_shift"] - FLUX_SHIFT) * FLUX_SCALE


def test_taesd_computes_the_linear_map(images: Tensor, encoder: LinearEncoder) -> None:
    state = taesd_state(encoder, Decoder().state_dict())
    torch.testing.assert_close(
        taesd_encode(state, images[:4]), encoder.encode(images[:4]), rtol=1e-3, atol=1e-4
    )


def test_latents_have_unit_variance_and_no_mean(images: Tensor, encoder: LinearEncoder) -> None:
    latents = encoder.encode(images)
    assert latents.shape == (32, 16, 18, 18)
    assert abs(latents.mean()) < 1e-4
    assert 0.95 < latents.var((0, 2, 3)).mean() < 1.05


def test_the_exported_decoder_is_complete(encoder: LinearEncoder) -> None:
    torch.manual_seed(0)
    decoder = Decoder()
    state = taesd_state(encoder, decoder.state_dict())
    for index in ALL_BLOCKS:
        assert f"taesd_decoder.{index}.conv.4.bias" in state
    identity = block(state, "taesd_decoder.18", torch.rand(1, 64, 4, 4))
    assert (identity >= 0).all()
    x = torch.rand(1, 64, 4, 4)
    assert torch.equal(block(state, "taesd_decoder.18", x), x)


def test_tokens_and_latents_are_the_same_numbers() -> None:
    latents = torch.arange(2 * 16 * 6 * 4).reshape(2, 16, 6, 4).float()
    tokens = patchify(latents)
    assert tokens.shape == (2, 6, 64)
    assert torch.equal(tokens[1, 3, 4 * 5 : 4 * 6], latents[1, 5, 2:4, 2:4].flatten())
    assert torch.equal(unpatchify(tokens, 3, 2), latents)
