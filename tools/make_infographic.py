"""Draw `web/photographs/instance_edit_months.png`, with whose texts two workflows open.

`python -m tools.run tools.make_infographic`
"""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from ..pictures.letters import font
from .load_pack import ROOT
from .workflow_sheets.months import FILE, MONTHS, NAME, SIDE, Month, card

FINE = 3
"""Times as large is drawn, for smooth edges."""
PAGE, CARD, WORDS, SUN, RAIL = "#f7f3e8", "#dce8f0", "#28304a", "#f0a830", "#bccbd8"
CARD_SIZE = (232, 152)
SUN_AT, RAYS = (190, 92), 12
BAR = (16, 84, 128, 96)
"""The bar of the hours in its card: left, top, right, bottom in pixels."""
DAY = 24
COLOURS = 64


def infographic() -> Image.Image:
    """A page with a card for each month: its name, its hours of daylight as a bar, a sun."""
    page = Image.new("RGB", (SIDE * FINE, SIDE * FINE), PAGE)
    draw = ImageDraw.Draw(page)
    draw.text(
        (SIDE * FINE / 2, 54 * FINE), "Hours of daylight", WORDS, font(46 * FINE), anchor="mm"
    )
    for number, month in enumerate(MONTHS):
        draw_card(draw, card(number), month)
    small = page.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return small.quantize(COLOURS, dither=Image.Dither.NONE)


def draw_card(draw: ImageDraw.ImageDraw, corner: tuple[int, int], month: Month) -> None:
    """One month, with its upper left corner there."""
    x, y = (value * FINE for value in corner)
    width, height = (value * FINE for value in CARD_SIZE)
    draw.rounded_rectangle((x, y, x + width, y + height), 14 * FINE, CARD)
    left, top, _, tall = (value * FINE for value in NAME)
    middle = y + top + tall / 2
    draw.text((x + left + 6 * FINE, middle), month.name, WORDS, font(30 * FINE), anchor="lm")
    draw_bar(draw, x, y, month.hours)
    draw_sun(draw, x + SUN_AT[0] * FINE, y + SUN_AT[1] * FINE, (6 + month.hours) * FINE)


def draw_bar(draw: ImageDraw.ImageDraw, x: float, y: float, hours: float) -> None:
    """A bar as long as the day is light, with the number under it."""
    left, top, right, bottom = (value * FINE for value in BAR)
    lit = left + (right - left) * hours / DAY
    radius = (bottom - top) / 2
    draw.rounded_rectangle((x + left, y + top, x + right, y + bottom), radius, RAIL)
    draw.rounded_rectangle((x + left, y + top, x + lit, y + bottom), radius, SUN)
    draw.text((x + left, y + 122 * FINE), f"{hours:g} h", WORDS, font(22 * FINE), anchor="lm")


def draw_sun(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float) -> None:
    """A disc with rays around this middle."""
    for ray in range(RAYS):
        angle = ray * math.tau / RAYS
        across, down = math.cos(angle), math.sin(angle)
        near, far = 1.2 * radius, 1.55 * radius
        line = (x + near * across, y + near * down, x + far * across, y + far * down)
        draw.line(line, SUN, 3 * FINE)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), SUN)


def main() -> None:
    infographic().save(ROOT / "web" / "photographs" / FILE, optimize=True)


if __name__ == "__main__":
    main()
