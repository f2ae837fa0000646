"""Which shape and colour each cell of a picture shows, and whether it shows anything known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...demo.matching import recognise
from ...demo.scenes import Scenes, render, to_cells

NONE, OTHER = -1, -2
MIN_FIT = 0.6
MIN_CONTRAST = 0.06


@dataclass(frozen=True)
class Shown:
    """What every cell shows: indices into SHAPES and COLOUR_NAMES, NONE (background) or OTHER.

    Attributes:
        shape, colour: (B, 9) int64.
        fit: (B, 9) float, share of the cell's difference from the background that the recognised
            object explains; 1 is perfect.
    """

    shape: Tensor
    colour: Tensor
    fit: Tensor


def shown_objects(images: Tensor, scenes: Scenes) -> Shown:
    """Match every cell with the 48 objects drawn at the scene's places and with its background.

    The best match by squared error counts if it explains at least MIN_FIT of what differs from
    the background; else the cell shows OTHER if the difference has a root mean square of at
    least MIN_CONTRAST, and NONE if not. (The faintest objects have a little more.)

    Args:
        images: (B, 3, 144, 144) in [0, 1].
        scenes: B scenes that give centres, radii and backgrounds; their objects are not read.

    Raises:
        ValueError: another number of images than scenes.
    """
    if len(images) != len(scenes):
        raise ValueError(f"one scene per image is needed, got {len(images)} and {len(scenes)}.")
    shape, colour = recognise(images, scenes)
    empty = replace(scenes, shape=torch.full_like(scenes.shape, NONE))
    drawn, background = render(replace(scenes, shape=shape, colour=colour)), render(empty)
    left = _cell_error(images, drawn)
    total = _cell_error(images, background)
    fit = 1 - left / total.clamp(min=1e-9)
    unknown = torch.where(total.sqrt() >= MIN_CONTRAST, OTHER, NONE)
    known = (shape != NONE) & (fit >= MIN_FIT)
    return Shown(torch.where(known, shape, unknown), torch.where(known, colour, unknown), fit)


def _cell_error(images: Tensor, other: Tensor) -> Tensor:
    """(B, 9) mean squared difference of two batches of pictures in each cell."""
    return to_cells((images - other).square()).mean((1, 3, 4))
