"""Texts in a picture and what they become: what Crello Edit and InfoEdit have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...mask_ops.dialects import Change
from ...mask_ops.longer_texts import TEMPLATE, told


@dataclass(frozen=True)
class TextEdit:
    """A text, the one that takes its place, and [x1, y1, x2, y2] in fractions of the picture."""

    box: list[float]
    old: str
    new: str


def text_instructions(edits: Sequence[TextEdit]) -> tuple[str, ...]:
    """One per text, in IDAttn's words for it."""
    return tuple(told(TEMPLATE, Change(edit.old, edit.new)) for edit in edits)
