"""Texts that are changed: the instruction for each, and room for those that become longer.

Ours, see docs/methods.md#idattn.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Literal

from .boxes import Box
from .dialects import Change

TEMPLATE = 'Change "{old}" to "{new}".'
"""IDAttn's."""
Room = Literal["keep", "centred", "to the right"]


def told(template: str, change: Change) -> str:
    """The instruction for a text, its brackets written so that they mark no keywords.

    Raises:
        ValueError: a template without a place for the new text.
    """
    if "{new}" not in template:
        raise ValueError(
            f"the template must hold {{new}}, where the new text goes, and may hold {{old}}, got "
            f"{template!r}. Take {TEMPLATE}"
        )
    words = {"{old}": _unmarked(change.old), "{new}": _unmarked(change.new)}
    return re.sub(r"\{(?:old|new)\}", lambda found: words[found[0]], template)


def _unmarked(text: str) -> str:
    return re.sub(r"[\[\]]", r"\\\g<0>", text)


def text_width(text: str) -> int:
    """Letters of the longest line; wide ones (Chinese, Japanese, Korean) count twice."""
    lines = text.strip().splitlines() or [""]
    return max(sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line) for line in lines)


def make_room(boxes: Sequence[Box], changes: Sequence[Change | None], room: Room) -> list[Box]:
    """Boxes as much wider as their texts become longer, where there is room for it.

    A box reaches at most to the middle of the gap to the next one beside it, or to the picture's
    edge. Texts that do not become longer keep their box.

    Args:
        changes: of every box; None: no text.
        room: on which sides; ``keep`` changes nothing.
    """
    if room == "keep":
        return list(boxes)
    return [_wider(n, boxes, change, room) for n, change in enumerate(changes)]


def missing_room(
    before: Sequence[Box], after: Sequence[Box], changes: Sequence[Change | None]
) -> list[int]:
    """Numbers, from 1, of the boxes that are not as wide as their longer text needs."""
    return [
        n
        for n, (old, new, change) in enumerate(zip(before, after, changes, strict=True), start=1)
        if new.x2 - new.x1 < (old.x2 - old.x1) * _factor(change) - 1e-6
    ]


def _factor(change: Change | None) -> float:
    """How many times wider a text becomes; at least 1."""
    before = text_width(change.old) if change else 0
    return max(1.0, text_width(change.new) / before) if change and before else 1.0


def _wider(n: int, boxes: Sequence[Box], change: Change | None, room: Room) -> Box:
    box = boxes[n]
    more = (box.x2 - box.x1) * (_factor(change) - 1)
    left, right = (more / 2, more / 2) if room == "centred" else (0.0, more)
    beside = [b for m, b in enumerate(boxes) if m != n and b.y1 < box.y2 and box.y1 < b.y2]
    least = max([0.0, *((b.x2 + box.x1) / 2 for b in beside if b.x2 <= box.x1)])
    most = min([1.0, *((b.x1 + box.x2) / 2 for b in beside if b.x1 >= box.x2)])
    return box._replace(x1=max(least, box.x1 - left), x2=min(most, box.x2 + right))
