"""How four numbers mean a box: their order and units, which most sources do not say."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

from .boxes import Box, clip_box

Order = Literal["xyxy", "xywh", "yxyx", "cxcywh"]
Units = Literal["pixels", "0..1", "0..1000"]

AS_LABELLED = "as labelled"
OVERHANG = 0.02
"""Share of the picture by which a detector's box may reach over its edge, where it is cut."""


class Dialect(NamedTuple):
    """Order and units of a box's numbers; ``cxcywh`` is centre and size."""

    order: Order
    units: Units

    def __str__(self) -> str:
        return f"'{self.order} {self.units}'"


BY_NAME = {f"{o} {u}": Dialect(o, u) for o in get_args(Order) for u in get_args(Units)}
DIALECTS = (AS_LABELLED, *BY_NAME)
"""Names to choose from: what the data itself says, or all that it could mean."""


class Change(NamedTuple):
    """A text in the picture, and what it shall become."""

    old: str
    new: str


class RawBox(NamedTuple):
    """A box as it came.

    Attributes:
        numbers: 4, or x and y of every corner of a polygon.
        dialect: what its form says of them; None where that is not enough to read them.
        text: its words ("" if none).
        named: whether the form names each number, so that a chosen dialect only says the units.
        size: (H, W) pixels of the picture it was made for, if the form says that.
        change: of a text, if the form says that in place of words.
    """

    numbers: tuple[float, ...]
    dialect: Dialect | None
    text: str = ""
    named: bool = False
    size: tuple[int, int] | None = None
    change: Change | None = None


def find_dialect(name: str) -> Dialect | None:
    """The dialect of that name; None for ``as labelled``.

    Raises:
        ValueError: no such name.
    """
    if name not in DIALECTS:
        raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}, got {name!r}.")
    return BY_NAME.get(name)


def read_box(raw: RawBox, chosen: Dialect | None, size: tuple[int, int], name: str) -> Box:
    """A box as fractions of the picture.

    Args:
        chosen: the dialect that the user chose; None: as the form says.
        size: (H, W) pixels of the picture that it was drawn on, unless the form says that.
        name: for errors, e.g. ``box 2``.

    Raises:
        ValueError: numbers that may mean several boxes, that lie out of their range, or that are
            no box in this dialect.
    """
    dialect, size = _agreed(raw, chosen, name), raw.size or size
    shown = tuple(round(number, 4) for number in raw.numbers)
    if not all(math.isfinite(number) for number in raw.numbers):
        raise ValueError(f"{name} must have finite numbers, got {shown}.")
    across, down = {"pixels": (size[1], size[0]), "0..1": (1, 1), "0..1000": (1000, 1000)}[
        dialect.units
    ]
    if max(map(abs, raw.numbers)) <= 1 < min(across, down):
        raise ValueError(
            f"{name} has numbers of at most 1, read as {dialect}: {shown}. If they are fractions "
            f"of the picture, choose '{dialect.order} 0..1' as dialect."
        )
    x1, y1, x2, y2 = _corners(raw.numbers, dialect.order)
    if x2 <= x1 or y2 <= y1:
        raise ValueError(
            f"{name} is empty, read as {dialect}: {shown}; x1 < x2 and y1 < y2 are needed. Choose "
            "another dialect ('xywh': corner and size, 'cxcywh': centre and size, 'yxyx': y "
            "before x), or remove it."
        )
    corners = (x1 / across, y1 / down, x2 / across, y2 / down)
    if min(corners) < -OVERHANG or max(corners) > 1 + OVERHANG:
        raise ValueError(
            f"{name} lies outside the picture or reaches over its edge, read as {dialect} on "
            f"{size[1]} x {size[0]} pixels: {shown}. Choose the dialect that its source writes, or "
            "give the picture or the width and height that it was made for."
        )
    return clip_box(*corners, name=name)


def _agreed(raw: RawBox, chosen: Dialect | None, name: str) -> Dialect:
    """The dialect to read a box in: the chosen one, where its form leaves that open."""
    if chosen is None:
        if raw.dialect is None:
            raise ValueError(
                f"{name} does not say how its numbers {list(raw.numbers)} are meant. Choose the "
                "dialect of their source: 'xyxy pixels' (most detectors, Qwen2.5-VL), "
                "'xyxy 0..1000' (Qwen3-VL, InternVL), 'yxyx 0..1000' (Gemini), 'xywh pixels' "
                "(COCO), 'xyxy 0..1' or 'cxcywh 0..1' (GroundingDINO, YOLO)."
            )
        return raw.dialect
    if raw.named and raw.dialect is not None:
        centred = raw.dialect.order == "xywh" and chosen.order == "cxcywh"
        return Dialect("cxcywh" if centred else raw.dialect.order, chosen.units)
    return chosen


def _corners(numbers: Sequence[float], order: Order) -> tuple[float, float, float, float]:
    """x1, y1, x2, y2; those around a polygon's corners."""
    if len(numbers) > 4:
        xs, ys = numbers[0::2], numbers[1::2]
        return min(xs), min(ys), max(xs), max(ys)
    a, b, c, d = numbers
    if order == "yxyx":
        return b, a, d, c
    if order == "xywh":
        return a, b, a + c, b + d
    return (a - c / 2, b - d / 2, a + c / 2, b + d / 2) if order == "cxcywh" else (a, b, c, d)
