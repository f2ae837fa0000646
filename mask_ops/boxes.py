"""Boxes: one normal form, (x1, y1, x2, y2) as fractions of the picture."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

ROUNDING = 1e-6
"""Share of a token that a box must reach into it, so that rounding does not decide."""


class Box(NamedTuple):
    """Corners as fractions of the picture's width and height, 0 <= x1 < x2 <= 1."""

    x1: float
    y1: float
    x2: float
    y2: float


class LabelledBox(NamedTuple):
    """A box and the text that came with it ("" if none)."""

    box: Box
    text: str


def clip_box(x1: float, y1: float, x2: float, y2: float, *, name: str = "box") -> Box:
    """A box clipped to the picture.

    Raises:
        ValueError: a corner is not finite, the box is empty, or it lies off the picture.
    """
    corners = tuple(float(value) for value in (x1, y1, x2, y2))
    shown = tuple(round(value, 4) for value in corners)
    if not all(math.isfinite(value) for value in corners):
        raise ValueError(f"{name} must have finite corners, got {shown}.")
    if x2 <= x1 or y2 <= y1:
        raise ValueError(
            f"{name} is empty: x1 < x2 and y1 < y2 are needed, got {shown}. Redraw or remove it."
        )
    clipped = Box(*(min(max(value, 0.0), 1.0) for value in corners))
    if clipped.x2 <= clipped.x1 or clipped.y2 <= clipped.y1:
        raise ValueError(
            f"{name} lies outside the picture: fractions in 0 .. 1 are needed, got {shown}. "
            "Check that width and height are those of the picture the box was drawn on."
        )
    return clipped


def box_to_grid(
    box: Box, grid: tuple[int, int], extent: tuple[float, float] | None = None
) -> Tensor:
    """Every token the box touches (IDAttn's rule: floor of the start, ceil of the end).

    Args:
        box: fractions of the picture.
        grid: (h, w) tokens.
        extent: (rows, columns) of tokens that the picture really spans; default: all.

    Returns:
        (h, w) bool with at least one True.
    """
    rows, columns = extent or (float(grid[0]), float(grid[1]))
    top, bottom = _touched(box.y1, box.y2, rows, grid[0])
    left, right = _touched(box.x1, box.x2, columns, grid[1])
    mask = torch.zeros(grid, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    return mask


def _touched(start: float, stop: float, extent: float, cells: int) -> tuple[int, int]:
    """First and last + 1 of the cells that a box touches along one axis.

    A box that ends where a cell ends must not spill into the next by rounding: 464 of 720 pixels
    are 29 of 45 tokens, but ``464 / 720 * 45 > 29``.
    """
    first = min(math.floor(start * extent + ROUNDING), cells - 1)
    last = math.ceil(stop * extent - ROUNDING)
    return first, max(last, first + 1)


def parse_boxes(data: object, width: int, height: int) -> list[LabelledBox]:
    """Read boxes in any form that ComfyUI's nodes hand round.

    Understood: JSON text of, one, or a list (or list of one list, as per-frame nodes give) of
    ``{"x", "y", "width", "height"}`` in pixels with optional ``metadata`` or ``label``;
    ``{"bbox": [ymin, xmin, ymax, xmax]}`` in thousandths with ``desc`` or ``text`` (``elements``
    of Create Bounding Boxes); and ``[x1, y1, x2, y2]`` in pixels.

    Args:
        width, height: pixels of the picture the boxes were drawn on.

    Raises:
        ValueError: no boxes, another form, or a box off the picture.
    """
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError as error:
            raise ValueError(f"boxes given as text must be JSON: {error}.") from error
    if width < 1 or height < 1:
        raise ValueError(f"width and height must be >= 1 pixel, got {width} x {height}.")
    items = _box_list(data)
    if not items:
        raise ValueError("no boxes came in: draw at least one box, or connect a list of boxes.")
    return [_parse_box(item, width, height, f"box {i + 1}") for i, item in enumerate(items)]


def _box_list(data: object) -> list[object]:
    if isinstance(data, Mapping):
        return [cast(object, data)]
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise ValueError(
            f"boxes must be a box, a list of boxes or JSON, got {type(data).__name__}."
        )
    items = list(cast(Sequence[object], data))
    if len(items) == 4 and all(isinstance(value, int | float) for value in items):
        return [items]
    if items and all(_is_frame(item) for item in items):
        if len(items) > 1:
            raise ValueError(
                f"boxes for one picture are needed, got boxes for {len(items)} frames. "
                "Pick one frame first."
            )
        return list(cast(Sequence[object], items[0]))
    return items


def _is_frame(item: object) -> bool:
    if not isinstance(item, Sequence) or isinstance(item, str):
        return False
    return all(isinstance(value, Mapping | list | tuple) for value in cast(Sequence[object], item))


def _parse_box(item: object, width: int, height: int, name: str) -> LabelledBox:
    if isinstance(item, Mapping):
        entry = cast(Mapping[str, Any], item)
        if "bbox" in entry:
            y1, x1, y2, x2 = _four(entry["bbox"], name)
            corners = (x1 / 1000, y1 / 1000, x2 / 1000, y2 / 1000)
            return LabelledBox(clip_box(*corners, name=name), _text(entry))
        if all(key in entry for key in ("x", "y", "width", "height")):
            x, y, w, h = _four([entry[key] for key in ("x", "y", "width", "height")], name)
            corners = (x / width, y / height, (x + w) / width, (y + h) / height)
            return LabelledBox(clip_box(*corners, name=name), _text(entry))
    elif isinstance(item, Sequence) and not isinstance(item, str):
        x1, y1, x2, y2 = _four(cast(Sequence[Any], item), name)
        corners = (x1 / width, y1 / height, x2 / width, y2 / height)
        return LabelledBox(clip_box(*corners, name=name), "")
    raise ValueError(
        f"{name} must be {{x, y, width, height}} in pixels, {{bbox: [ymin, xmin, ymax, xmax]}} in "
        f"thousandths or [x1, y1, x2, y2] in pixels, got {item!r}."
    )


def _four(values: object, name: str) -> tuple[float, float, float, float]:
    try:
        a, b, c, d = (float(value) for value in cast(Sequence[Any], values))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must have four numbers, got {values!r}.") from error
    return a, b, c, d


def _text(entry: Mapping[str, Any]) -> str:
    """The words of a box: its description, else its text, else its label."""
    metadata = entry.get("metadata")
    sources = [entry]
    if isinstance(metadata, Mapping):
        sources.append(cast(Mapping[str, Any], metadata))
    for key in ("instruction", "desc", "text", "label"):
        for source in sources:
            if isinstance(source.get(key), str) and source[key].strip():
                return source[key].strip()
    return ""
