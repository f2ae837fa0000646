"""The infographic that comes with the pack: twelve cards with a month's name each."""

from __future__ import annotations

from typing import NamedTuple

from .instructions import Placed

FILE = "instance_edit_months.png"
SIDE = 768
"""Of the picture, in pixels."""
COLUMNS = 3
LEFT, TOP, ACROSS, DOWN = 24, 104, 248, 164
"""Where the first card stands, and how far the next ones are from it, in pixels."""
NAME = (10, 8, 212, 44)
"""The place of the name in its card: x, y, width and height in pixels."""


class Month(NamedTuple):
    """A month in English and French, and its hours of daylight."""

    name: str
    french: str
    hours: float


MONTHS = (
    *(
        Month("January", "Janvier", 8.5),
        Month("February", "Février", 10),
        Month("March", "Mars", 12),
    ),
    *(Month("April", "Avril", 13.5), Month("May", "Mai", 15), Month("June", "Juin", 16)),
    *(Month("July", "Juillet", 15.5), Month("August", "Août", 14.5)),
    *(Month("September", "Septembre", 12.5), Month("October", "Octobre", 11)),
    *(Month("November", "Novembre", 9), Month("December", "Décembre", 8)),
)


def card(number: int) -> tuple[int, int]:
    """The upper left corner of a card, in pixels."""
    return LEFT + ACROSS * (number % COLUMNS), TOP + DOWN * (number // COLUMNS)


def names_in_french() -> list[Placed]:
    """Every name with its box, as fractions, and the instruction that translates it."""
    placed: list[Placed] = []
    for number, month in enumerate(MONTHS):
        (x, y), (left, top, width, height) = card(number), NAME
        pixels = (x + left, y + top, width, height)
        left, top, width, height = (round(value / SIDE, 4) for value in pixels)
        text = f'Change "{month.name}" to "{month.french}".'
        placed.append(Placed((left, top, width, height), text))
    return placed
