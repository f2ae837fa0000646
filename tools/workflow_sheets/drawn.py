"""Instance Canvas with instances on it, as the workflows open with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .instructions import COFFEE, INSTRUCTIONS, SIZE, Placed
from .sheet import Json, Node, Output, Sheet

WIDTH = 420
"""Of its node: beside the other columns, the sheet is as wide as may be."""


def box(place: tuple[float, float, float, float]) -> Json:
    """A box as a shape; x, y, width and height as fractions of the picture."""
    x, y, width, height = place
    corners = (x, y, x + width, y + height)
    return {"kind": "box", "op": "add", "box": [round(value, 4) for value in corners]}


def polygon(*points: tuple[float, float]) -> Json:
    """A polygon, or a lasso, through these points in fractions of the picture."""
    return {"kind": "polygon", "op": "add", "points": [list(point) for point in points]}


def stroke(radius: float, *points: tuple[float, float]) -> Json:
    """A stroke of the brush; its radius is a fraction of the picture's shorter side."""
    return {"kind": "stroke", "op": "add", "points": [list(p) for p in points], "radius": radius}


def instance(instruction: str, label: str, *shapes: Json, **numbers: Any) -> Json:
    """An instance; ``numbers`` are its further keys, as docs/regions_json.md lists them."""
    return {"instruction": instruction, "label": label, "shapes": list(shapes), **numbers}


def boxed(placed: Placed, label: str, **numbers: Any) -> Json:
    """An instance that is a box."""
    return instance(placed.text, label, box(placed.box), **numbers)


def with_subject(instruction: str) -> list[Json]:
    """The instance that reference image 2 belongs to, and two more."""
    tea, spoon, _, apple = INSTRUCTIONS
    subject = boxed(Placed(apple.box, instruction), "subject", reference=2)
    return [subject, boxed(tea, "coffee"), boxed(spoon, "spoon")]


def fitted(sheet: Sheet, canvas: Node, after: Output, how: str) -> Node:
    """The canvas's regions on its picture after a scaling or a crop, as *Fit Regions* calls it."""
    node = sheet.add("InstanceEditFitRegions", regions=canvas[0], after=after, how=how)
    sheet.fold(node)
    return node


def canvas_text(instances: Sequence[Json], size: tuple[int, int] = SIZE) -> str:
    """The text that the canvas keeps.

    Args:
        size: width and height of the picture, in pixels.
    """
    width, height = size
    numbered = [{"id": str(n), **one} for n, one in enumerate(instances, start=1)]
    drawn = {"version": 1, "size": [height, width], "instances": numbered}
    return json.dumps(drawn, indent=1)


def draw(sheet: Sheet, instances: Sequence[Json]) -> Node:
    """The canvas over the photograph of the coffee; it gives the regions, then the picture."""
    return sheet.add("InstanceEditCanvas", canvas=canvas_text(instances), picture=COFFEE)


def correct(sheet: Sheet, image: Output, regions: Output) -> Node:
    """The canvas over a picture of another node, with regions that a person may take over."""
    inputs = {"canvas": canvas_text(()), "image": image, "regions": regions}
    return sheet.add("InstanceEditCanvas", "Correct the plan", **inputs)
