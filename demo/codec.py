"""The latent codec: an exactly linear encoder and a small trained decoder, both in the shape of
TAESD.

The encoder is principal component analysis of 8 x 8 x 3 patches, partially whitened, written by
hand into TAESD's convolutions: three stride-2 convolutions move pixels into channels, the last
one projects to plus/minus pairs so that no ReLU loses anything. In ComfyUI the network sees
``(vae_latent - 0.1159) * 0.3611``; ``vae_scale`` and ``vae_shift`` undo that, so the numbers here
("latents") are the ones the diffusion model sees, with unit variance on average.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

CHANNELS = 16
FACTOR = 8
WIDTH = 64  # of TAESD
SQUEEZE = 0.5  # latents enter the decoder halved: its tanh(x / 3) * 3 stays nearly linear
FLUX_SCALE, FLUX_SHIFT = 0.3611, 0.1159
TRAINED_BLOCKS = (
    3,
    4,
    5,
    8,
    9,
    13,
)  # the other residual blocks of TAESD's decoder stay the identity
ALL_BLOCKS = (3, 4, 5, 8, 9, 10, 13, 14, 15, 18)


@dataclass(frozen=True)
class LinearEncoder:
    """``latents = (patches - mean) @ projection``; mean (192,), projection (192, 16), patch
    order (c, y, x).
    """

    mean: Tensor
    projection: Tensor

    def encode(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, 16, H/8, W/8) latents as the diffusion model sees them."""
        batch, _, height, width = images.shape
        grid = (height // FACTOR, width // FACTOR)
        patches = images.reshape(batch, 3, grid[0], FACTOR, grid[1], FACTOR).permute(
            0, 2, 4, 1, 3, 5
        )
        latents = (patches.reshape(batch, grid[0] * grid[1], -1) - self.mean) @ self.projection
        return latents.transpose(1, 2).reshape(batch, CHANNELS, *grid)

    def to(self, device: torch.device | str) -> LinearEncoder:
        """The same map on another device."""
        return LinearEncoder(self.mean.to(device), self.projection.to(device))


def fit_encoder(images: Tensor) -> LinearEncoder:
    """Principal components of the images' patches, scaled so that the latents' mean variance is
    one.
    """
    batch, _, height, width = images.shape
    patches = images.reshape(batch, 3, height // FACTOR, FACTOR, width // FACTOR, FACTOR)
    patches = patches.permute(0, 2, 4, 1, 3, 5).reshape(-1, 3 * FACTOR * FACTOR)
    patches = patches.to("cpu", torch.float64)
    mean = patches.mean(0)
    values, vectors = torch.linalg.eigh((patches - mean).T @ (patches - mean) / len(patches))
    deviation, vectors = values.flip(0)[:CHANNELS].sqrt(), vectors.flip(1)[:, :CHANNELS]
    scaled = deviation.sqrt()  # half way between plain components and whitened ones
    gain = scaled / deviation / scaled.square().mean().sqrt()
    return LinearEncoder(mean.float(), (vectors * gain).float())


class Clamp(nn.Module):
    """TAESD's soft limit."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape; the result lies in (-3, 3)."""
        return torch.tanh(x / 3) * 3


class Block(nn.Module):
    """TAESD's residual block at constant width."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        return (self.conv(x) + x).relu()


class Decoder(nn.Sequential):
    """TAESD's decoder with only TRAINED_BLOCKS carrying weights: (B, 16, h, w) halved latents
    -> (B, 3, 8h, 8w).
    """

    def __init__(self) -> None:
        def conv(n_in: int, n_out: int, bias: bool = True) -> nn.Conv2d:
            return nn.Conv2d(n_in, n_out, 3, padding=1, bias=bias)

        super().__init__(Clamp(), conv(CHANNELS, WIDTH), nn.ReLU())
        for index in range(3, 19):
            if index in ALL_BLOCKS:
                self.append(Block() if index in TRAINED_BLOCKS else nn.ReLU())
            elif index in (6, 11, 16):
                self.append(nn.Upsample(scale_factor=2))
            else:
                self.append(conv(WIDTH, WIDTH, bias=False))
        self.append(conv(WIDTH, 3))

    def decode(self, latents: Tensor) -> Tensor:
        """Latents as the diffusion model sees them -> pictures, nominally in [0, 1]."""
        return self(latents * SQUEEZE)
