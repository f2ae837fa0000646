"""Which ComfyUI a workflow needs: the oldest supported one, or the first with all its nodes."""

from __future__ import annotations

from collections.abc import Iterable

from ..comfyui_sources import OLDEST
from .sheet import Node, Sheet

SINCE = {
    "SAM3_Detect": "0.20.1",
    "TextEncodeBooguEdit": "0.26.0",
    "BerniniConditioning": "0.26.0",
    "CreateBoundingBoxes": "0.27.0",
    "TextEncodeMageFlowEdit": "0.30.0",
    "TextEncodeJoyImageEdit": "0.30.0",
}
"""Core's nodes that the oldest supported ComfyUI lacks, with the first tried one that has them."""
GROWN = {
    "TrainLoraNode": (
        "0.26.0",
        "*Train LoRA* of older ones fails in *bypass_mode*, and has no *checkpoint_depth* before "
        "0.24.1. Update ComfyUI, or train with `make train-lora` of the repository.",
    )
}
"""Core's nodes that it has, but not with all that a sheet sets: the first tried one that has it,
and what to say and do in older ones."""
MODELS = {"krea2": ("0.30.0", "Krea 2 that looks at reference images")}
"""Likewise, by CLIPLoader's type, what a model of core learned later."""


def since(node: Node) -> str:
    """The ComfyUI from which on it has this node of core, and can do what it is for."""
    model, _ = MODELS.get(node.inputs.get("type", ""), (OLDEST.version, ""))
    grown, _ = GROWN.get(node.kind, (OLDEST.version, ""))
    return max(model, grown, SINCE.get(node.kind, OLDEST.version), key=version_numbers)


def needed(nodes: Iterable[Node]) -> str:
    """The ComfyUI from which on it has all of these nodes."""
    return max((since(node) for node in nodes), key=version_numbers)


def version_numbers(version: str) -> tuple[int, ...]:
    """``"0.27.0"`` as numbers that compare."""
    return tuple(int(part) for part in version.split("."))


def note_version(sheet: Sheet) -> None:
    """Say on the sheet which ComfyUI it needs, if that is newer than what the pack needs."""
    nodes = [*sheet.nodes, *(node for one in sheet.subgraphs.values() for node in one.nodes)]
    version = needed(nodes)
    if version == OLDEST.version:
        return
    [first, *_] = [node for node in nodes if since(node) == version]
    sheet.note(f"## Needs ComfyUI {version}\n{_in_older_ones(sheet, first)}")


def _in_older_ones(sheet: Sheet, node: Node) -> str:
    """What an older ComfyUI lacks for this node, and what to do there."""
    if node.kind in GROWN:
        return GROWN[node.kind][1]
    _, lacking = MODELS.get(node.inputs.get("type", ""), ("", ""))
    lacking = lacking or f"*{sheet.definitions[node.kind]['display_name']}*"
    return (
        f"Older ones have no {lacking}. Update ComfyUI, or draw on *Instance Canvas* as in "
        "*mice_kontext_masks*, which runs on every ComfyUI that the pack supports."
    )
