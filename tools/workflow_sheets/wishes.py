"""What several workflows draw and say: example wishes, boxes, a hint."""

from __future__ import annotations

from collections.abc import Iterable

from .sheet import Json, Node, Output, Sheet

Wish = tuple[tuple[float, float, float, float], str]  # x, y, width, height as fractions

CANVAS = 1024
WISHES: tuple[Wish, ...] = (
    ((0.34, 0.42, 0.31, 0.45), "turn the pink dress into a red kimono with white cranes"),
    ((0.16, 0.06, 0.67, 0.37), "turn the yellow hair into silver hair"),
    ((0.07, 0.04, 0.31, 0.10), "replace the cloud with a hot air balloon"),
    ((0.67, 0.03, 0.30, 0.17), "replace the cloud with a flock of birds"),
)
BOXES_NOTE = (
    "*Create Bounding Boxes* can be drawn on in the front end's **Nodes 2.0** mode only: switch it "
    "on in the menu."
)
PREVIEW_NOTE = (
    "## Look before you sample\nSelect **Preview Instance Regions** or **Preview Attention Bias** "
    "and run only that node: they draw what will happen in a second."
)


def draw_boxes(sheet: Sheet, title: str, image: Output, wishes: Iterable[Wish]) -> Node:
    """Core's box editor with boxes already in it: in pixels of its canvas, each with its text."""
    drawn: list[Json] = []
    for (x, y, width, height), wish in wishes:
        metadata = {"type": "obj", "text": "", "desc": wish, "palette": []}
        corner = {"x": round(x * CANVAS), "y": round(y * CANVAS)}
        size = {"width": round(width * CANVAS), "height": round(height * CANVAS)}
        drawn.append({**corner, **size, "metadata": metadata})
    return sheet.add("CreateBoundingBoxes", title, background=image, editor_state=drawn)
