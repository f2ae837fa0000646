"""Before and after, on sheets whose pictures no canvas compares."""

from __future__ import annotations

from .sheet import Node, Output, Sheet


def compared(sheet: Sheet, before: Output) -> list[Node]:
    """Core's slider over this picture and the saved one; none where a canvas compares them.

    Folded, for the classic renderer draws none.
    """
    if any(node.kind == "InstanceEditCanvas" for node in sheet.nodes):
        return []
    [save] = [node for node in sheet.nodes if node.kind == "SaveImage"]
    pictures = {"image_a": before, "image_b": save.inputs["images"]}
    compare = sheet.add("ImageCompare", "Before and after (Nodes 2.0)", **pictures)
    sheet.fold(compare)
    return [compare]
