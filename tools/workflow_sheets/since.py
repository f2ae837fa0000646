"""Which ComfyUI a workflow needs: the oldest supported one, or the first with all its nodes."""

from __future__ import annotations

from collections.abc import Iterable

from ..comfyui_sources import OLDEST
from .sheet import Sheet

SINCE = {"SAM3_Detect": "0.20.1", "CreateBoundingBoxes": "0.27.0"}
"""Core's nodes that the oldest supported ComfyUI lacks, with the first tried one that has them."""


def since(kind: str) -> str:
    """The ComfyUI from which on it has this node of core."""
    return SINCE.get(kind, OLDEST.version)


def needed(kinds: Iterable[str]) -> str:
    """The ComfyUI from which on it has all of these nodes."""
    return max((since(kind) for kind in kinds), key=version_numbers)


def version_numbers(version: str) -> tuple[int, ...]:
    """``"0.27.0"`` as numbers that compare."""
    return tuple(int(part) for part in version.split("."))


def note_version(sheet: Sheet) -> None:
    """Say on the sheet which ComfyUI it needs, if that is newer than what the pack needs."""
    kinds = [node.kind for node in sheet.nodes]
    version = needed(kinds)
    if version == OLDEST.version:
        return
    lacking = [sheet.definitions[kind]["display_name"] for kind in kinds if since(kind) == version]
    sheet.note(
        f"## Needs ComfyUI {version}\nOlder ones have no *{lacking[0]}*. Update ComfyUI, or paint "
        "masks as in *mice_kontext_masks*, which runs on every ComfyUI that the pack supports.",
        360,
        200,
    )
