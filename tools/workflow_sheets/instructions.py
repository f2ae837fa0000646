"""What several workflows draw and say: example instructions, boxes, a hint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .sheet import Json, Node, Output, Sheet


class Placed(NamedTuple):
    """An instruction and its box: x, y, width and height as fractions of the picture."""

    box: tuple[float, float, float, float]
    text: str


COFFEE, CAT = "instance_edit_coffee.jpg", "instance_edit_cat.jpg"
"""Photographs that come with the pack; the front end finds them in the input folder."""
SIZE = (592, 400)
"""Width and height of that of the coffee, in pixels."""
INSTRUCTIONS = (
    Placed((0.33, 0.20, 0.31, 0.32), "replace the coffee with green matcha tea"),
    Placed((0.53, 0.55, 0.18, 0.29), "turn the steel spoon into a golden spoon"),
    Placed((0.14, 0.36, 0.16, 0.36), "put a chocolate biscuit on the saucer"),
    Placed((0.75, 0.05, 0.23, 0.42), "put a red apple on the table"),
)
BOXES_NOTE = (
    "*Create Bounding Boxes* can be drawn on in the front end's **Nodes 2.0** mode, which the menu "
    "switches on, or with this workflow opened as an app."
)
PREVIEW_NOTE = (
    "## Look before you sample\nSelect **Preview Instance Regions** or **Preview Attention Bias** "
    "and run only that node: they draw what will happen in a second."
)


def draw_boxes(
    sheet: Sheet,
    title: str,
    image: Output,
    placed: Iterable[Placed],
    pixels: tuple[int, int] = SIZE,
) -> Node:
    """Core's box editor with boxes already in it: in pixels of its canvas, each with its text."""
    across, down = pixels
    drawn: list[Json] = []
    for (x, y, width, height), text in placed:
        metadata = {"type": "obj", "text": "", "desc": text, "palette": []}
        corner = {"x": round(x * across), "y": round(y * down)}
        extent = {"width": round(width * across), "height": round(height * down)}
        drawn.append({**corner, **extent, "metadata": metadata})
    size = {"width": across, "height": down}
    return sheet.add("CreateBoundingBoxes", title, background=image, editor_state=drawn, **size)
