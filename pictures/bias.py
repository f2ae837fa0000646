"""The page that shows a bias: its schedule, who sees whom, and every instance's reach."""

import math
from dataclasses import dataclass

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..attention.reach import Reach
from ..attention.recipe import Extent
from .letters import font
from .marks import (
    FAINT,
    HEAT,
    INK,
    PAPER,
    RULE,
    as_colour,
    badge,
    heat_colour,
    instance_colour,
    outline_cells,
    picture_of,
    readable_on,
    shorten,
)
from .strip import BlockStrip

WIDTH, MARGIN = 1024, 28
STRIP = 114, 138  # top and bottom
ACTIVE, INACTIVE, UNNAMED = (0, 76, 128), (200, 205, 214), (236, 238, 242)
LABELS, CELL, ROW = 212, 84, 40
MATRIX_TOP = 176
MAPS_TOP = MATRIX_TOP + 104 + 6 * ROW
MAP = 228
MAPS_AT_ONCE = 12
QUERIES = (
    ("T_g", "global prompt"),
    ("T_n", "instance's prompt"),
    ("L_n", "instance, result"),
    ("L_u", "background, result"),
    ("C_n", "instance, reference"),
    ("C_u", "background, reference"),
)
KEYS = (
    ("T_g", "global"),
    ("T_n", "own"),
    ("T_m", "others'"),
    ("L_n", "own"),
    ("L_m", "others'"),
    ("L_u", "backgr."),
    ("C_n", "own"),
    ("C_m", "others'"),
    ("C_u", "backgr."),
)


@dataclass(frozen=True)
class BiasPage:
    """What one page shows.

    Attributes:
        title, notes: head line, and smaller lines under it.
        strip: the block schedule.
        kind: the kind of this page.
        reach: what the bias lets through.
        masks: (N, h, w) bool on the latent grid.
        extent: rows and columns of tokens that the picture really spans.
        labels: instruction of every instance; details: e.g. its strength and steps.
        first: 0-based number of the first instance whose maps are drawn.
    """

    title: str
    notes: tuple[str, ...]
    strip: BlockStrip
    kind: str
    reach: Reach
    masks: Tensor
    extent: Extent
    labels: tuple[str, ...]
    details: tuple[str, ...]
    first: int = 0


def draw_bias_page(page: BiasPage, picture: Image.Image | None) -> Image.Image:
    """A page 1024 pixels wide, as high as its instances need."""
    shown = range(page.first, min(len(page.labels), page.first + MAPS_AT_ONCE))
    map_height = max(1, round(MAP * page.extent[0] / page.extent[1]))
    step = map_height + 94
    height = MAPS_TOP + math.ceil(len(shown) / 2) * step + 30
    sheet = Image.new("RGB", (WIDTH, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 20), page.title, INK, font(30))
    for line, note in enumerate(page.notes):
        draw.text((MARGIN, 62 + 22 * line), note, FAINT, font(16))
    _draw_runs(draw, page)
    _draw_matrix(draw, page.reach.groups)
    ground = _ground(picture, (MAP, map_height))
    for i, n in enumerate(shown):
        left = MARGIN + (i % 2) * (2 * MAP + 48)
        _draw_instance(sheet, draw, page, n, ground, (left, MAPS_TOP + (i // 2) * step))
    return sheet


def _draw_runs(draw: ImageDraw.ImageDraw, page: BiasPage) -> None:
    """The strip of the model's blocks, with the runs of this page's kind filled."""
    (top, bottom), width = STRIP, WIDTH - 2 * MARGIN
    draw.rectangle((MARGIN, top, MARGIN + width, bottom), UNNAMED, RULE)
    for kind, start, stop in page.strip.runs:
        left, right = MARGIN + start * width, MARGIN + stop * width
        own = kind == page.kind
        draw.rectangle((left, top, right, bottom), ACTIVE if own else INACTIVE, PAPER)
        name = shorten(kind, font(15), right - left - 4)
        middle = ((left + right) / 2, (top + bottom) / 2)
        draw.text(middle, name, PAPER if own else INK, font(15), anchor="mm")
    first, last = page.strip.ends
    draw.text((MARGIN, bottom + 4), first, FAINT, font(13))
    draw.text((MARGIN + width, bottom + 4), last, FAINT, font(13), anchor="ra")


def _draw_matrix(draw: ImageDraw.ImageDraw, groups: Tensor) -> None:
    left, top = MARGIN + LABELS, MATRIX_TOP + 50
    draw.text((MARGIN, MATRIX_TOP + 4), "Who sees whom", INK, font(20))
    draw.text((MARGIN, MATRIX_TOP + 30), "row looks at column", FAINT, font(14))
    for name, start, count in (("prompts", 0, 3), ("result (L)", 3, 3), ("reference (C)", 6, 3)):
        middle = left + (start + count / 2) * CELL
        draw.text((middle, MATRIX_TOP + 8), name, INK, font(16), anchor="mm")
        line = (left + start * CELL + 4, MATRIX_TOP + 20, left + (start + count) * CELL - 4)
        draw.line((line[0], line[1], line[2], line[1]), FAINT, 1)
    for column, (_, name) in enumerate(KEYS):
        draw.text((left + (column + 0.5) * CELL, top - 14), name, INK, font(15), anchor="mm")
    for row, (symbol, name) in enumerate(QUERIES):
        y = top + row * ROW
        draw.text((left - 10, y + ROW / 2), name, INK, font(16), anchor="rm")
        draw.text((MARGIN, y + ROW / 2), symbol, FAINT, font(13), anchor="lm")
        for column in range(len(KEYS)):
            _draw_cell(draw, (left + column * CELL, y), float(groups[row, column]))
    _draw_legend(draw, top + len(QUERIES) * ROW + 12)


def _draw_cell(draw: ImageDraw.ImageDraw, place: tuple[float, float], value: float) -> None:
    x, y = place
    box = (x + 1, y + 1, x + CELL - 2, y + ROW - 2)
    middle = (x + CELL / 2, y + ROW / 2)
    if math.isnan(value):
        draw.rectangle(box, PAPER, RULE)
        draw.text(middle, "none", FAINT, font(13), anchor="mm")
        return
    red, green, blue = (int(part) for part in heat_colour(torch.tensor(value)))
    draw.rectangle(box, (red, green, blue))
    draw.text(middle, share_word(value), readable_on((red, green, blue)), font(17), anchor="mm")


def share_word(value: float) -> str:
    """A factor on the attention in a word or as percent."""
    if value < 0.005:
        return "shut"
    if 0.995 <= value <= 1.005:
        return "open"
    return f"{value:.0%}"


def _draw_legend(draw: ImageDraw.ImageDraw, top: float) -> None:
    left, width = MARGIN + LABELS, 240
    for x in range(width):
        red, green, blue = as_colour(HEAT[x * len(HEAT) // width])
        draw.rectangle((left + x, top, left + x + 1, top + 14), (int(red), int(green), int(blue)))
    draw.text((left - 10, top + 7), "shut 0 %", INK, font(14), anchor="rm")
    draw.text((left + width + 10, top + 7), "100 % open", INK, font(14), anchor="lm")
    note = "mean factor on the attention, before it is normalised"
    draw.text((WIDTH - MARGIN, top + 7), note, FAINT, font(14), anchor="rm")


def _ground(picture: Image.Image | None, size: tuple[int, int]) -> Image.Image:
    """The picture in grey, as ground for a map."""
    if picture is None:
        return Image.new("RGB", size, (128, 128, 128))
    return picture.convert("L").convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _draw_instance(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    page: BiasPage,
    n: int,
    ground: Image.Image,
    place: tuple[float, float],
) -> None:
    left, top = int(place[0]), int(place[1])
    after = left + badge(draw, (left, top), n) + 8
    face = font(17, page.labels[n])
    name = shorten(page.labels[n] or "(no instruction)", face, left + 2 * MAP + 8 - after)
    draw.text((after, top + 11), name, INK, face, anchor="lm")
    draw.text((left, top + 28), page.details[n], FAINT, font(14))
    maps = (
        (page.reach.listens[n], "who listens to the instruction"),
        (page.reach.sees[n], "what the instance looks at"),
    )
    for column, (values, caption) in enumerate(maps):
        x = left + column * (MAP + 8)
        sheet.paste(_heat_map(values, page.masks[n], page.extent, n, ground), (x, top + 48))
        draw.text((x, top + 52 + ground.height), caption, FAINT, font(14))


def _heat_map(
    values: Tensor, mask: Tensor, extent: Extent, n: int, ground: Image.Image
) -> Image.Image:
    """(h, w) values over the picture, the instance's own tokens outlined."""
    cell = (ground.width / extent[1], ground.height / extent[0])
    size = (round(cell[0] * values.shape[1]), round(cell[1] * values.shape[0]))
    heat = picture_of(heat_colour(values)).resize(size, Image.Resampling.NEAREST)
    heat = heat.crop((0, 0, *ground.size))
    tile = Image.blend(ground, heat, 0.6)
    outline_cells(ImageDraw.Draw(tile), mask, cell, instance_colour(n), 2)
    return tile
