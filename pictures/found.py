"""What a locator found, drawn: the raw map, its values with the threshold, the mask."""

import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from .letters import font
from .marks import (
    FAINT,
    INK,
    PAPER,
    RULE,
    as_colour,
    badge,
    heat_colour,
    instance_colour,
    outline_cells,
    picture_of,
    shorten,
    to_picture,
)

SIDE, LEAST = 384, 96
"""Longer side of a panel, and the least of the other: longer pictures are shown squeezed."""
HEAD, GAP, FOOT = 36, 12, 28
BINS = 32


def draw_found(
    raw: Tensor, threshold: float, mask: Tensor, n: int, instruction: str, image: Tensor | None
) -> Image.Image:
    """One page for one instruction.

    Args:
        raw: (h, w) map on the token grid.
        mask: (H, W) the mask in pixels.
        n: number of the instruction, 0-based.
        image: (B, H, W, C) the picture under map and mask, or None for grey.
    """
    scale = SIDE / max(mask.shape)
    size = (max(LEAST, round(mask.shape[1] * scale)), max(LEAST, round(mask.shape[0] * scale)))
    grey = torch.full((*mask.shape, 3), 0.5)
    ground = to_picture(grey if image is None else image[0]).resize(size)
    panels = [
        (_map_panel(raw, ground), "raw map"),
        (_value_panel(raw, threshold, size), f"values, threshold {threshold:.3g}"),
        (_mask_panel(mask, n, ground), f"mask, {100 * float(mask.mean()):.0f} % of the picture"),
    ]
    page = Image.new("RGB", (3 * size[0] + 4 * GAP, HEAD + size[1] + FOOT), PAPER)
    draw = ImageDraw.Draw(page)
    width = badge(draw, (GAP, 7), n)
    face = font(16, instruction)
    room = page.width - 3 * GAP - width
    draw.text((GAP + width + 8, 18), shorten(instruction, face, room), INK, face, anchor="lm")
    for column, (panel, words) in enumerate(panels):
        left = GAP + column * (size[0] + GAP)
        page.paste(panel, (left, HEAD))
        draw.text((left, HEAD + size[1] + FOOT / 2), words, FAINT, font(14), anchor="lm")
    return page


def _map_panel(raw: Tensor, ground: Image.Image) -> Image.Image:
    """The map as heat, half through over the picture."""
    span = (raw - raw.amin()) / (raw.amax() - raw.amin()).clamp(min=1e-12)
    heat = picture_of(heat_colour(span)).resize(ground.size, Image.Resampling.NEAREST)
    return Image.blend(ground.convert("L").convert("RGB"), heat, 0.7)


def _value_panel(raw: Tensor, threshold: float, size: tuple[int, int]) -> Image.Image:
    """How many tokens have which value, coloured as in the map, and where the threshold is."""
    panel = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(panel)
    low, high = float(raw.amin()), float(raw.amax())
    counts = torch.histc(raw.float(), BINS, low, high if high > low else low + 1)
    colours = heat_colour(torch.linspace(0, 1, BINS))
    floor, step = size[1] - 8, size[0] / BINS
    for i, count in enumerate(counts.sqrt() / counts.sqrt().amax().clamp(min=1)):
        top = floor - float(count) * (floor - 12)
        draw.rectangle((i * step + 1, top, (i + 1) * step - 1, floor), as_colour(colours[i]))
    draw.line((0, floor, size[0], floor), RULE, 1)
    place = size[0] * (threshold - low) / max(high - low, 1e-12)
    draw.line((place, 4, place, size[1] - 2), INK, 2)
    return panel


def _mask_panel(mask: Tensor, n: int, ground: Image.Image) -> Image.Image:
    """The picture, dark outside the mask, the mask outlined."""
    size = (ground.height, ground.width)
    fine = F.interpolate(mask[None, None].float(), size=size, mode="nearest-exact")[0, 0] > 0.5
    stencil = picture_of((fine * 255).byte())
    panel = Image.composite(ground, ground.point(lambda value: value * 0.3), stencil)
    outline_cells(ImageDraw.Draw(panel), fine, (1.0, 1.0), instance_colour(n), 2)
    return panel
