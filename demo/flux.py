"""FLUX.1 in bare torch: the weight names and the arithmetic of ComfyUI's
``comfy.ldm.flux.model.Flux``.

Only what training needs: one reference latent of the same size (RoPE index 1, as for FLUX.1
Kontext) and an additive or boolean attention mask. Text ids are zero. Shapes: img (B, L, 64), txt
(B, T, 128), joint sequence [text, latents, reference].
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from .flux_blocks import (
    AXES,
    HIDDEN,
    DoubleStreamBlock,
    LastLayer,
    MLPEmbedder,
    SingleStreamBlock,
)

DEPTH, DEPTH_SINGLE = 3, 6
CHANNELS, PATCH, CONTEXT, POOLED = 16, 2, 128, 64
THETA = 10000
TOKEN = CHANNELS * PATCH * PATCH


def timestep_embedding(t: Tensor, dim: int = 256) -> Tensor:
    """(B,) sigmas or guidance scales -> (B, 256) cosines and sines of 1000 t."""
    half = dim // 2
    steps = torch.arange(half, dtype=torch.float32, device=t.device)
    angle = 1000.0 * t[:, None].float() * torch.exp(-math.log(10000) * steps / half)
    return torch.cat((angle.cos(), angle.sin()), dim=-1)


@lru_cache(maxsize=16)
def rope_table(text: int, height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines (1, 1, Z, 64) for [text, h x w latents, h x w reference]."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    grid = torch.stack((torch.zeros_like(y), y, x), dim=-1).reshape(-1, 3)
    reference = grid + torch.tensor([1, 0, 0])
    ids = torch.cat((torch.zeros(text, 3, dtype=torch.long), grid, reference)).to(
        "cpu", torch.float64
    )
    angles = []
    for axis, dim in enumerate(AXES):
        omega = THETA ** -torch.linspace(
            0, (dim - 2) / dim, dim // 2, dtype=torch.float64, device="cpu"
        )
        angles.append(ids[:, axis, None] * omega)
    angle = torch.cat(angles, dim=-1)[None, None]
    return angle.cos().float().to(device), angle.sin().float().to(device)


def patchify(latents: Tensor) -> Tensor:
    """(B, 16, 2h, 2w) -> (B, h * w, 64), channels ordered (c, y, x)."""
    return functional.pixel_unshuffle(latents, PATCH).flatten(2).transpose(1, 2)


def unpatchify(tokens: Tensor, height: int, width: int) -> Tensor:
    """(B, h * w, 64) -> (B, 16, 2h, 2w)."""
    return functional.pixel_shuffle(tokens.transpose(1, 2).unflatten(2, (height, width)), PATCH)


class Flux(nn.Module):
    """The miniature. ``taps`` of forward_tokens serve training only."""

    def __init__(self) -> None:
        super().__init__()
        self.img_in, self.txt_in = nn.Linear(TOKEN, HIDDEN), nn.Linear(CONTEXT, HIDDEN)
        self.time_in, self.guidance_in = MLPEmbedder(256), MLPEmbedder(256)
        self.vector_in = MLPEmbedder(POOLED)
        self.double_blocks = nn.ModuleList(DoubleStreamBlock() for _ in range(DEPTH))
        self.single_blocks = nn.ModuleList(SingleStreamBlock() for _ in range(DEPTH_SINGLE))
        self.final_layer = LastLayer(TOKEN)

    def forward_tokens(
        self,
        img: Tensor,
        txt: Tensor,
        sigma: Tensor,
        guidance: Tensor,
        table: tuple[Tensor, Tensor],
        mask: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """img (B, 2L, 64) latents and reference -> velocity (B, L, 64) and the image stream
        after some blocks.
        """
        vec = self.time_in(timestep_embedding(sigma)) + self.guidance_in(
            timestep_embedding(guidance)
        )
        vec = vec + self.vector_in(vec.new_zeros(vec.shape[0], POOLED))
        latents, text = img.shape[1] // 2, txt.shape[1]
        img, txt = self.img_in(img), self.txt_in(txt)
        taps: list[Tensor] = []
        for block in self.double_blocks:
            img, txt = block(img, txt, vec, table, mask)
            taps.append(img)
        x = torch.cat((txt, img), dim=1)
        for index, block in enumerate(self.single_blocks):
            x = block(x, vec, table, mask)
            if index % 2:
                taps.append(x[:, text:])
        return self.final_layer(x[:, text : text + latents], vec), taps

    def forward(
        self,
        x: Tensor,
        sigma: Tensor,
        context: Tensor,
        reference: Tensor,
        guidance: Tensor,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Velocity (B, 16, H, W) of latents x with a reference of the same size; mask
        broadcasts to (B, 1, Z, Z).
        """
        height, width = x.shape[-2] // PATCH, x.shape[-1] // PATCH
        img = torch.cat((patchify(x), patchify(reference)), dim=1)
        table = rope_table(context.shape[1], height, width, x.device)
        return unpatchify(
            self.forward_tokens(img, context, sigma, guidance, table, mask)[0], height, width
        )
