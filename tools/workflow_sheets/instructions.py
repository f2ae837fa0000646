"""What several workflows draw and say: example instructions, boxes, a hint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .sheet import Json, Node, Output, Sheet


class Placed(NamedTuple):
    """An instruction and its box: x, y, width and height as fractions of the picture."""

    box: tuple[float, float, float, float]
    text: str


CANVAS = 768
"""Side of the picture that every ComfyUI has."""
INSTRUCTIONS = (
    Placed((0.34, 0.42, 0.31, 0.45), "turn the pink dress into a red kimono with white cranes"),
    Placed((0.16, 0.06, 0.67, 0.37), "turn the yellow hair into silver hair"),
    Placed((0.07, 0.04, 0.31, 0.10), "replace the cloud with a hot air balloon"),
    Placed((0.67, 0.03, 0.30, 0.17), "replace the cloud with a flock of birds"),
)
BOXES_NOTE = (
    "*Create Bounding Boxes* can be drawn on in the front end's **Nodes 2.0** mode only: switch it "
    "on in the menu."
)
PREVIEW_NOTE = (
    "## Look before you sample\nSelect **Preview Instance Regions** or **Preview Attention Bias** "
    "and run only that node: they draw what will happen in a second."
)


def draw_boxes(sheet: Sheet, title: str, image: Output, placed: Iterable[Placed]) -> Node:
    """Core's box editor with boxes already in it: in pixels of its canvas, each with its text."""
    drawn: list[Json] = []
    for (x, y, width, height), text in placed:
        metadata = {"type": "obj", "text": "", "desc": text, "palette": []}
        corner = {"x": round(x * CANVAS), "y": round(y * CANVAS)}
        extent = {"width": round(width * CANVAS), "height": round(height * CANVAS)}
        drawn.append({**corner, **extent, "metadata": metadata})
    size = {"width": CANVAS, "height": CANVAS}
    return sheet.add("CreateBoundingBoxes", title, background=image, editor_state=drawn, **size)
