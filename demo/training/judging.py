"""Quick figures of a batch of edits during training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..recognition import shown_objects, shows_anothers_target, shows_source, shows_target
from ..scenes import Edits, Scenes, cell_masks, render


@dataclass(frozen=True)
class Result:
    """Shares in [0, 1] and the background error on the scale 0-255.

    Attributes:
        success: of the edited cells, that show their target's shape and colour.
        clean: of the scenes, whose edited cells all succeed and whose other objects are intact.
        ignored: of the edited cells, that still show the source.
        leak: of the edited cells, that show another instance's target.
        mae_b: mean absolute error outside the edited cells.
        images: (B, 3, 144, 144), what was judged.
    """

    success: float
    clean: float
    ignored: float
    leak: float
    mae_b: float
    images: Tensor


def judge(images: Tensor, scenes: Scenes, edits: Edits) -> Result:
    """Compare (B, 3, 144, 144) pictures with what the edits asked for."""
    shown = shown_objects(images, scenes)
    edited = edits.shape >= 0
    right, same = shows_target(shown, edits), shows_source(shown, scenes)
    clean = torch.where(edited, right, same | (scenes.shape < 0)).all(1)
    outside = ~(edited[:, :, None, None] & cell_masks().to(edited.device)[None]).any(1)
    difference = (images - render(scenes)).abs().mean(1) * 255
    background = (difference * outside).sum((1, 2)) / outside.sum((1, 2)).clamp(min=1)

    def share(hits: Tensor) -> float:
        return int((hits & edited).sum()) / max(1, int(edited.sum()))

    return Result(
        success=share(right),
        clean=float(clean.float().mean()),
        ignored=share(same & ~right),
        leak=share(shows_anothers_target(shown, edits)),
        mae_b=float(background.mean()),
        images=images,
    )
