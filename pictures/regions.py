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
    instance_colour,
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
    """A page with the picture, its long side 1024 pixels, and the report.

    Args:
        masks: (N, h, w) bool, the regions' tokens: shows them and the token grid. None: regions as
            they were drawn.
        extent: rows and columns of tokens that the picture really spans.
    """
    scale = LONG_SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    ground = picture.resize(size, Image.Resampling.LANCZOS)
    for n, region in enumerate(regions):
        colour = instance_colour(n)
        if masks is None:
            _draw_mask(ground, region.on_grid((ground.height, ground.width)), colour)
    draw = ImageDraw.Draw(ground)
    if masks is not None:
        _draw_tokens(draw, masks, (ground.width / extent[1], ground.height / extent[0]), size)
    for n, region in enumerate(regions):
        _draw_label(draw, n, region, size)
    return _with_report(ground, report)


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
    draw: ImageDraw.ImageDraw, masks: Tensor, cell: tuple[float, float], size: tuple[int, int]
) -> None:
    for x in range(masks.shape[2] + 1):
        draw.line((x * cell[0], 0, x * cell[0], size[1]), (150, 150, 150), 1)
    for y in range(masks.shape[1] + 1):
        draw.line((0, y * cell[1], size[0], y * cell[1]), (150, 150, 150), 1)
    for n, mask in enumerate(masks):
        outline_cells(draw, mask, cell, instance_colour(n), 3)


def _draw_label(
    draw: ImageDraw.ImageDraw, n: int, region: InstanceRegion, size: tuple[int, int]
) -> None:
    """Number and instruction at the upper left corner of a region."""
    left, top, right = _bounds(region, size)
    colour = instance_colour(n)
    width = badge(draw, (left, top), n, 26)
    face = font(17, region.instruction)
    text = shorten(region.instruction, face, max(right, left + 240) - left - width - 12)
    room = size[0] - left - width - 12
    if not region.instruction or room < 60:
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
