"""The codec as weights of ComfyUI's TAESD: the linear encoder written into its convolutions."""

from __future__ import annotations

import torch
from torch import Tensor

from .codec import (
    ALL_BLOCKS,
    CHANNELS,
    FACTOR,
    FLUX_SCALE,
    FLUX_SHIFT,
    SQUEEZE,
    TRAINED_BLOCKS,
    WIDTH,
    LinearEncoder,
)

ENCODER_BLOCKS = (1, 3, 4, 5, 7, 8, 9, 11, 12, 13)


def encoder_state(encoder: LinearEncoder) -> dict[str, Tensor]:
    """The linear map as the ``taesd_encoder.*`` weights of ComfyUI's TAESD (float32)."""
    state: dict[str, Tensor] = {}
    for index in ENCODER_BLOCKS:
        state |= identity_block(f"{index}.")
    first = torch.zeros(WIDTH, 3, 3, 3)
    first[range(3), range(3), 1, 1] = 1.0
    final = torch.zeros(CHANNELS, WIDTH, 3, 3)
    final[range(CHANNELS), range(CHANNELS), 1, 1] = 1.0
    final[range(CHANNELS), range(CHANNELS, 2 * CHANNELS), 1, 1] = -1.0
    state |= {
        "0.weight": first,
        "0.bias": torch.zeros(WIDTH),
        "2.weight": space_to_depth(3),
        "6.weight": space_to_depth(12),
        "10.weight": signed_projection(encoder),
        "14.weight": final,
        "14.bias": -(encoder.mean @ encoder.projection) * SQUEEZE,
    }
    return {f"taesd_encoder.{key}": value for key, value in state.items()}


def space_to_depth(channels: int) -> Tensor:
    """Weights of a stride-2 convolution: pixel (y, x) of a 2 x 2 block becomes channels number
    2y + x.
    """
    weight, source = torch.zeros(WIDTH, WIDTH, 3, 3), torch.arange(channels)
    for y in range(2):
        for x in range(2):
            weight[(2 * y + x) * channels + source, source, y + 1, x + 1] = 1.0
    return weight


def signed_projection(encoder: LinearEncoder) -> Tensor:
    """Weights of the last stride-2 convolution: the projection and its negative, for the ReLU.

    Pixel (c, 4a + 2b + d) of a patch is its tap a, the second convolution's b, the first one's d.
    """
    y, x = torch.meshgrid(torch.arange(FACTOR), torch.arange(FACTOR), indexing="ij")
    inner, middle = (y % 2) * 2 + x % 2, (y // 2 % 2) * 2 + x // 2 % 2
    source = middle[None] * 12 + inner[None] * 3 + torch.arange(3)[:, None, None]  # (3, 8, 8)
    projection = encoder.projection.T.reshape(CHANNELS, 3, FACTOR, FACTOR) * SQUEEZE
    weight = torch.zeros(WIDTH, WIDTH, 3, 3)
    tap_y, tap_x = (place.expand(3, FACTOR, FACTOR) // 4 + 1 for place in (y, x))
    weight[:CHANNELS, source, tap_y, tap_x] = projection
    weight[CHANNELS : 2 * CHANNELS, source, tap_y, tap_x] = -projection
    return weight


def identity_block(prefix: str) -> dict[str, Tensor]:
    """Weights that make a TAESD block pass non-negative input through unchanged."""
    state: dict[str, Tensor] = {}
    for layer in (0, 2, 4):
        state[f"{prefix}conv.{layer}.weight"] = torch.zeros(WIDTH, WIDTH, 3, 3)
        state[f"{prefix}conv.{layer}.bias"] = torch.zeros(WIDTH)
    return state


def taesd_state(encoder: LinearEncoder, decoder: dict[str, Tensor]) -> dict[str, Tensor]:
    """A complete state dict for ``comfy.sd.VAE``: the linear encoder, the decoder padded with
    identity blocks.
    """
    full = dict(decoder)
    for index in sorted(set(ALL_BLOCKS) - set(TRAINED_BLOCKS)):
        full |= identity_block(f"{index}.")
    state = encoder_state(encoder) | {
        f"taesd_decoder.{key}": value.float() for key, value in full.items()
    }
    scale = FLUX_SCALE * SQUEEZE
    return state | {"vae_scale": torch.tensor(scale), "vae_shift": torch.tensor(FLUX_SHIFT)}
