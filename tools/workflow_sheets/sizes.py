"""How large the front end draws nodes."""

from __future__ import annotations

import json

from .sheet import Field, Node, Sheet

SLOT, WIDGET, MULTILINE, EMPTY_TEXT = 20, 30, 96, 78
PICTURES = {
    **{"LoadImage": 300, "SaveImage": 270, "PreviewImage": 300, "PreviewAny": 90},
    **{"MaskPreview": 300, "ImageCompare": 290},
    **{"InstanceEditDemoModelLoader": 16, "InstanceEditDemoScene": 12, "InstanceEditLora": 8},
    **{"InstanceEditLoadTrainingFolder": 12, "InstanceEditFlowInversion": 12, "SaveLoRA": 18},
}
"""What a node is taller than its sockets and widgets: by a picture, or a footer with Nodes 2.0."""
PREVIEW, BOX_PANEL = 300, 160
CANVAS = 318
"""What the canvas is taller than its picture: tools, list, status, margins; see web/canvas."""
BESIDE_PICTURE = 20
FOOTER = 40
"""The button with which Nodes 2.0 opens a subgraph."""


def height_of(sheet: Sheet, node: Node, width: float) -> float:
    """The height of a node of that width."""
    fields = sheet.fields(node)
    sockets = sum(not item.is_widget for item in fields)
    outputs = len(sheet.definitions[node.kind]["output"])
    height = 10.0 + SLOT * max(sockets, outputs)
    if node.kind == "InstanceEditCanvas":
        return height + WIDGET + canvas_height(node.inputs["canvas"], width)
    for item in fields:
        if item.is_widget:
            text = MULTILINE if node.inputs.get(item.name) else EMPTY_TEXT
            height += text if item.options.get("multiline") else WIDGET
            height += WIDGET if has_control(item) else 0
    if subgraph := sheet.subgraphs.get(node.kind):
        height += WIDGET * len(subgraph.widgets) + FOOTER
    preview = PREVIEW if node.kind.startswith("InstanceEditPreview") else 0
    if node.kind == "CreateBoundingBoxes":
        return height + width + BOX_PANEL  # the picture, which it draws as a square, and a panel
    return height + PICTURES.get(node.kind, preview)


def canvas_height(text: str, width: float) -> int:
    """The height of the canvas with this text, in a node of that width."""
    tall, wide = json.loads(text)["size"]
    return round((width - BESIDE_PICTURE) * tall / wide) + CANVAS


def has_control(item: Field) -> bool:
    """Whether the front end adds a widget that says what becomes of the number after a run; where
    a node does not say, it does so by the name."""
    return bool(item.options.get("control_after_generate", item.name in ("seed", "noise_seed")))
