"""Two ways to draw what an edit makes, for LoRAs to learn: hollow, or the upper half alone."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..scenes import CELL, CELLS, GRID, Scenes, coverage, render, render_background, to_canvas
from ..shapes import colour_table

STYLES = ("hollow", "half")
HOLE = 0.55  # radius of the hole in a hollow thing, in radii


def style_cover(scenes: Scenes, style: str) -> Tensor:
    """(B, 9, 48, 48) in [0, 1]: how much of each pixel the things cover in a style.

    Raises:
        ValueError: no such style.
    """
    whole = coverage(scenes, scenes.shape)
    if style == "hollow":
        inner = replace(scenes, radius=scenes.radius * HOLE)
        return whole * (1 - coverage(inner, scenes.shape))
    if style == "half":
        rows = (torch.arange(CELL, device=whole.device) + 0.5)[:, None]
        middle = scenes.centre[..., 1, None, None] % CELL
        return whole * (rows < middle)
    raise ValueError(f"the style must be one of {', '.join(STYLES)}, got {style!r}.")


def render_styled(scenes: Scenes, styled: Tensor, style: str) -> Tensor:
    """(B, 3, 144, 144): the scenes, some things in a style.

    Args:
        styled: (B, 9) bool, which.
    """
    plain, other = coverage(scenes, scenes.shape), style_cover(scenes, style)
    alpha = to_canvas(torch.where(styled[..., None, None], other, plain)[:, None])
    colours = colour_table().to(scenes.colour.device)[scenes.colour.clamp(min=0)]
    flat = colours.transpose(1, 2)[..., None, None].expand(-1, -1, -1, CELL, CELL)
    return torch.lerp(render_background(scenes), to_canvas(flat), alpha)


def shown_styles(images: Tensor, after: Scenes) -> Tensor:
    """(B, 9) int64: which style the things of ``after`` show best, by squared error: 0 plain, then
    1 + its place in STYLES.

    Args:
        images: (B, 3, 144, 144) in [0, 1].
        after: what the edits ask for.
    """
    every = torch.ones(len(after), CELLS, dtype=torch.bool)
    drawn = [render(after), *(render_styled(after, every, style) for style in STYLES)]
    errors = [(images - one).square().mean(1).unflatten(1, (GRID, CELL)) for one in drawn]
    cells = [one.unflatten(3, (GRID, CELL)).mean((2, 4)).flatten(1) for one in errors]
    return torch.stack(cells).argmin(0)
