"""The notes above a sheet, in the front end's graph format."""

from __future__ import annotations

from collections.abc import Sequence

from .sheet import Json

HEADING, LINE, LETTER, EDGE = 64, 15, 5.5, 40
"""In pixels: a note without its text, a line, a letter's width, what a line loses at its ends."""
SHORT, WIDE = 150, 1000
BELOW, BESIDE = 50, 24


def graph_notes(texts: Sequence[str], first: int, width: float) -> list[Json]:
    """Notes in markdown that share ``width`` pixels as the lengths of their texts ask for, above
    the columns; their ids follow ``first``."""
    shares = [max(len(text), SHORT) for text in texts]
    room = width - BESIDE * (len(texts) - 1)
    widths = [min(room * share // sum(shares), WIDE) for share in shares]
    height = max(map(height_of, texts, widths), default=0)
    notes: list[Json] = []
    x = 0.0
    for number, (text, wide) in enumerate(zip(texts, widths, strict=True), start=first + 1):
        notes.append(
            {
                "id": number,
                "type": "MarkdownNote",
                "pos": [x, -height - BELOW],
                "size": [wide, height],
                "flags": {},
                "order": number - 1,
                "mode": 0,
                "inputs": [],
                "outputs": [],
                "title": "Note",
                "properties": {},
                "widgets_values": [text],
                "color": "#432",
                "bgcolor": "#653",
            }
        )
        x += wide + BESIDE
    return notes


def height_of(text: str, width: float) -> int:
    """A heading, and the lines that the rest of the text fills."""
    _, _, body = text.partition("\n")
    lines = [int(len(part) * LETTER / (width - EDGE)) + 1 for part in body.split("\n")]
    return HEADING + LINE * sum(lines)
