"""The demo's contact sheet: every picture with its name, the bias below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

TILE, GAP, LINE = 300, 16, 26
INK, PAPER = (27, 30, 38), (255, 255, 255)


def contact_sheet(
    pictures: Mapping[str, Image.Image], bias: Image.Image, title: str, lines: Sequence[str]
) -> Image.Image:
    """One page: a title, the lines under it, the pictures side by side, the bias."""
    width = len(pictures) * (TILE + GAP) + GAP
    head = GAP + 40 + LINE * len(lines) + GAP
    drawn = bias.convert("RGB").resize(
        (width - 2 * GAP, round(bias.height * (width - 2 * GAP) / bias.width)),
        Image.Resampling.LANCZOS,
    )
    page = Image.new("RGB", (width, head + LINE + TILE + 2 * GAP + drawn.height + GAP), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((GAP, GAP), title, INK, ImageFont.load_default(30))
    face = ImageFont.load_default(18)
    for number, line in enumerate(lines):
        draw.text((GAP, GAP + 44 + LINE * number), line, INK, face)
    for column, (name, picture) in enumerate(pictures.items()):
        x = GAP + column * (TILE + GAP)
        draw.text((x, head), name, INK, face)
        tile = picture.convert("RGB").resize((TILE, TILE), Image.Resampling.LANCZOS)
        page.paste(tile, (x, head + LINE))
    page.paste(drawn, (GAP, head + LINE + TILE + 2 * GAP))
    return page
