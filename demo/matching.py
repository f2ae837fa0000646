"""Which shape and colour a picture shows in each cell, by template matching at the known places."""

from __future__ import annotations

import torch
from torch import Tensor

from .scenes import CELLS, SHAPES, Scenes, coverage, render_background, to_cells
from .shapes import colour_table


def recognise(images: Tensor, scenes: Scenes) -> tuple[Tensor, Tensor]:
    """Best shape and colour (B, 9) int64 per cell of (B, 3, 144, 144) images in [0, 1]; -1 =
    plain background.

    Every cell is compared, by squared error, with all 48 objects drawn at the scene's centre and
    radius and with the empty background.
    """
    picture, background = to_cells(images), to_cells(render_background(scenes))  # (B, 3, 9, 48, 48)
    colours = colour_table().to(images.device)
    squared = colours.square().sum(-1)  # (8,)
    errors = []
    for shape in range(len(SHAPES)):
        alpha = coverage(scenes, torch.full_like(scenes.shape, shape))[:, None]  # (B, 1, 9, 48, 48)
        rest = picture - background * (1 - alpha)
        along = torch.einsum("bcnyx,kc->bnk", rest * alpha, colours)
        area = alpha.square().sum((1, 3, 4))  # (B, 9)
        errors.append(
            rest.square().sum((1, 3, 4))[..., None] - 2 * along + area[..., None] * squared
        )
    error = torch.cat(errors, dim=-1)  # (B, 9, 48)
    empty = (picture - background).square().sum((1, 3, 4))
    best, index = error.min(dim=-1)
    found = best < empty
    minus = torch.full((len(scenes), CELLS), -1, device=images.device)
    return torch.where(found, index // len(colours), minus), torch.where(
        found, index % len(colours), minus
    )
