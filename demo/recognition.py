"""What each cell of a picture shows, and whether that is what an edit asked for.

The one judge of the miniature: its training and the benchmarks count what is said here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .scenes import CELLS, Edits, Scenes, coverage, render, render_background, to_cells
from .shapes import SHAPES, colour_table

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


def recognise(images: Tensor, scenes: Scenes) -> tuple[Tensor, Tensor]:
    """Best shape and colour (B, 9) int64 per cell of (B, 3, 144, 144) images in [0, 1]; NONE =
    plain background.

    Every cell is compared, by squared error, with all 48 objects drawn at the scene's centre and
    radius and with the empty background.
    """
    picture, background = to_cells(images), to_cells(render_background(scenes))  # (B, 3, 9, 48, 48)
    colours = colour_table().to(images.device)
    squared = colours.square().sum(-1)  # (8,)
    errors: list[Tensor] = []
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
    nothing = torch.full((len(scenes), CELLS), NONE, device=images.device)
    return torch.where(found, index // len(colours), nothing), torch.where(
        found, index % len(colours), nothing
    )


def shows_target(shown: Shown, edits: Edits) -> Tensor:
    """(B, 9) bool: an edited cell shows exactly its target's shape and colour."""
    return _shows(shown, edits.shape, edits.colour) & (edits.shape >= 0)


def shows_anothers_target(shown: Shown, edits: Edits) -> Tensor:
    """(B, 9) bool: an edited cell shows another edited cell's target, and not its own."""
    edited = edits.shape >= 0
    leaked = torch.zeros_like(edited)
    for turn in range(1, CELLS):
        shape, colour, there = (t.roll(turn, 1) for t in (edits.shape, edits.colour, edited))
        leaked |= _shows(shown, shape, colour) & there
    return leaked & edited & ~shows_target(shown, edits)


def shows_source(shown: Shown, scenes: Scenes) -> Tensor:
    """(B, 9) bool: a cell shows what it showed in the source, be it nothing."""
    return _shows(shown, scenes.shape, scenes.colour)


def _shows(shown: Shown, shape: Tensor, colour: Tensor) -> Tensor:
    """(B, 9) bool: a cell shows this shape and colour; an empty cell has no colour."""
    return (shown.shape == shape) & ((shown.colour == colour) | (shape < 0))


def _cell_error(images: Tensor, other: Tensor) -> Tensor:
    """(B, 9) mean squared difference of two batches of pictures in each cell."""
    return to_cells((images - other).square()).mean((1, 3, 4))
