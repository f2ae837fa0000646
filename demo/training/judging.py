"""What an edited picture got right, by template matching."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..matching import recognise
from ..scenes import CELLS, Edits, Scenes, cell_masks, render


@dataclass(frozen=True)
class Result:
    """Shares in [0, 1] and the background error on the scale 0-255."""

    success: float  # edited cell shows the target's shape and colour
    clean: float  # the whole scene is right: every edited cell a success, every other object intact
    untouched: float  # edited cell still shows the source
    leak: float  # edited cell shows another instance's target
    mae_b: float  # outside the edited cells
    images: Tensor  # (B, 3, 144, 144)


def judge(images: Tensor, scenes: Scenes, edits: Edits) -> Result:
    """Compare pictures with what the edits asked for."""
    shape, colour = recognise(images, scenes)
    edited = (edits.shape >= 0) & (scenes.shape >= 0)
    right = (shape == edits.shape) & (colour == edits.colour)
    same = (shape == scenes.shape) & (colour == scenes.colour)
    others = torch.zeros_like(edited)
    for turn in range(1, CELLS):
        others |= (
            (shape == edits.shape.roll(turn, 1))
            & (colour == edits.colour.roll(turn, 1))
            & (shape >= 0)
        )
    clean = torch.where(edited, right, same | (scenes.shape < 0)).all(1)
    outside = ~(edited[:, :, None, None] & cell_masks().to(edited.device)[None]).any(1)
    difference = (images - render(scenes)).abs().mean(1) * 255
    background = (difference * outside).sum((1, 2)) / outside.sum((1, 2)).clamp(min=1)

    def share(hits: Tensor) -> float:
        return (hits & edited).sum().item() / max(1, int(edited.sum()))

    return Result(
        share(right),
        clean.float().mean().item(),
        share(same & ~right),
        share(others & ~right),
        background.mean().item(),
        images,
    )
