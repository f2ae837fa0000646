"""The picture with every region outlined, numbered and labelled, and the report under it."""

import textwrap
from collections.abc import Sequence

from PIL import Image, ImageChops, ImageDraw, ImageFilter
from torch import Tensor

from ..attention.recipe import Extent
from ..mask_ops.masks import inside_of
from ..mask_ops.regions import InstanceRegion
from .letters import drawable, font
from .marks import (
    INK,
    PAPER,
    Colour,
    badge,
    chosen_colour,
    outline_cells,
    picture_of,
    readable_on,
    shorten,
)

LONG_SIDE = 1024
NARROWEST = 640
LINE = 22
FILL = 0.22


def draw_regions(
    picture: Image.Image,
    regions: Sequence[InstanceRegion],
    report: str,
    masks: Tensor | None = None,
    extent: Extent = (1.0, 1.0),
) -> Image.Image:
    """A page with the picture as ``draw_places`` draws it, and the report."""
    return _with_report(draw_places(picture, regions, masks, extent), report)


def draw_places(
    picture: Image.Image,
    regions: Sequence[InstanceRegion],
    masks: Tensor | None = None,
    extent: Extent = (1.0, 1.0),
    chosen: Sequence[str | None] | None = None,
) -> Image.Image:
    """The picture, its long side 1024 pixels, with every region outlined, numbered and labelled.

    Args:
        masks: (N, h, w) bool, the regions' tokens: shows them and the token grid. None: regions as
            they were drawn.
        extent: rows and columns of tokens that the picture really spans.
        chosen: each region's colour as #rrggbb; None for the palette's.
    """
    scale = LONG_SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    ground = picture.resize(size, Image.Resampling.LANCZOS)
    colours = [chosen_colour(n, one) for n, one in enumerate(chosen or [None] * len(regions))]
    for region, colour in zip(regions, colours, strict=True):
        if masks is None:
            _draw_mask(ground, region.on_grid((ground.height, ground.width)), colour)
    draw = ImageDraw.Draw(ground)
    if masks is not None:
        cell = (ground.width / extent[1], ground.height / extent[0])
        _draw_tokens(draw, masks, cell, size, colours)
    for n, (region, colour) in enumerate(zip(regions, colours, strict=True)):
        _draw_label(draw, n, region, size, colour)
    return ground


def _draw_mask(ground: Image.Image, mask: Tensor, colour: Colour) -> None:
    """Tint a (H, W) bool mask and draw its border, dark outside and coloured inside."""
    whole = picture_of(mask.byte() * 255)
    box = whole.getbbox()
    if box is None:
        return
    around = (box[0] - 8, box[1] - 8, box[2] + 8, box[3] + 8)
    flat, part = whole.crop(around), ground.crop(around)
    tinted = Image.blend(part, Image.new("RGB", part.size, colour), FILL)
    part.paste(tinted, (0, 0), flat)
    for ink, grow, shrink in ((INK, 7, 7), (colour, 3, 5)):
        outer = flat.filter(ImageFilter.MaxFilter(grow))
        inner = flat.filter(ImageFilter.MinFilter(shrink))
        part.paste(ink, (0, 0), ImageChops.subtract(outer, inner))
    ground.paste(part, around[:2])


def _draw_tokens(
    draw: ImageDraw.ImageDraw,
    masks: Tensor,
    cell: tuple[float, float],
    size: tuple[int, int],
    colours: Sequence[Colour],
) -> None:
    for x in range(masks.shape[2] + 1):
        draw.line((x * cell[0], 0, x * cell[0], size[1]), (150, 150, 150), 1)
    for y in range(masks.shape[1] + 1):
        draw.line((0, y * cell[1], size[0], y * cell[1]), (150, 150, 150), 1)
    for mask, colour in zip(masks, colours, strict=True):
        outline_cells(draw, mask, cell, colour, 3)


def _draw_label(
    draw: ImageDraw.ImageDraw,
    n: int,
    region: InstanceRegion,
    size: tuple[int, int],
    colour: Colour,
) -> None:
    """Number, label and instruction at the upper left corner of a region."""
    left, top, right = _bounds(region, size)
    width = badge(draw, (left, top), n, 26, colour)
    words = ": ".join(filter(None, (region.label, region.instruction)))
    face = font(17, words)
    text = shorten(words, face, max(right, left + 240) - left - width - 12)
    room = size[0] - left - width - 12
    if not words or room < 60:
        return
    text = shorten(text, face, room)
    end = left + width + face.getlength(text) + 10
    draw.rectangle((left + width, top + 2, end, top + 24), colour)
    draw.text((left + width + 5, top + 13), text, readable_on(colour), face, anchor="lm")


def _bounds(region: InstanceRegion, size: tuple[int, int]) -> tuple[float, float, float]:
    """Left, top and right of a region in pixels of the page, with room for its number."""
    if region.box is not None:
        x1, y1, x2, _ = region.box
    else:
        assert region.mask is not None
        high, wide = region.mask.shape
        rows, columns = inside_of(region.mask).nonzero().T
        x1, x2 = float(columns.min()) / wide, float(columns.max() + 1) / wide
        y1 = float(rows.min()) / high
    left = min(x1 * size[0], size[0] - 30)
    return left, min(y1 * size[1], size[1] - 30), x2 * size[0]


def _with_report(ground: Image.Image, report: str) -> Image.Image:
    width = max(ground.width, NARROWEST)
    face = font(17, report)
    columns = int((width - 40) / face.getlength("n") * 1.02)
    lines = [
        part
        for line in drawable(report, face).splitlines()
        for part in (textwrap.wrap(line, columns, subsequent_indent="    ") or [""])
    ]
    page = Image.new("RGB", (width, ground.height + LINE * len(lines) + 32), PAPER)
    page.paste(ground, ((width - ground.width) // 2, 0))
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((20, ground.height + 16 + number * LINE), line, INK, face)
    return page
