"""A sheet in the front end's graph format: nodes placed in columns, links, groups, notes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from .notes import graph_notes
from .sheet import NAMESPACE, Field, Json, Node, Output, Sheet, default_value
from .since import since
from .sizes import has_control, height_of

GAP, EDGE, BESIDE = 18, 14, 24
TITLE, FOLDED = 30, 12
RESULTS = ("SaveImage", "LossGraphNode")
APP = {
    "InstanceEditLoadTrainingFolder": "folder",
    **{"LoadImage": "image", "InstanceEditDemoScene": "scene", "PrimitiveStringMultiline": "value"},
    **{"CreateBoundingBoxes": "editor_state", "InstanceEditCanvas": "instance_canvas"},
    **dict.fromkeys(
        ("InstanceEditRegionsFromMasks", "InstanceEditRegionsFromInstructions"), "instructions"
    ),
    **{"InstanceEditPlanRegions": "sentence", "KSampler": "seed", "RandomNoise": "noise_seed"},
}
"""The widget of each kind of node that App Mode shows."""
COLOURS = ("#3f789e", "#8A8", "#b58b2a", "#a1309b", "#b06634", "#88A")


class Link(NamedTuple):
    """A link as the graph lists it: source and target by node number and slot."""

    number: int
    source: int
    slot: int
    target: int
    target_slot: int
    kind: str


def sheet_graph(sheet: Sheet) -> Json:
    """The sheet in the front end's graph format."""
    groups = _place(sheet)
    links: list[Link] = []
    nodes = [_graph_node(sheet, node, order, links) for order, node in enumerate(sheet.nodes)]
    for link in links:
        nodes[link.source - 1]["outputs"][link.slot]["links"].append(link.number)
    right = max(x + width for x, _, width, _ in (group["bounding"] for group in groups))
    notes = graph_notes(sheet.notes, len(nodes), right)
    return {
        "id": str(uuid.uuid5(NAMESPACE, sheet.name)),
        "revision": 0,
        "last_node_id": len(nodes) + len(notes),
        "last_link_id": len(links),
        "nodes": [*nodes, *notes],
        "links": [list(link) for link in links],
        "groups": groups,
        "config": {},
        "extra": {"ds": {"scale": 0.6, "offset": [100, 400]}, "linearData": app_of(sheet)},
        "version": 0.4,
    }


def app_of(sheet: Sheet) -> Json:
    """What the front end's App Mode shows: what a person chooses, draws and writes; the results."""
    inputs = [[node.number, APP[node.kind]] for node in sheet.nodes if node.kind in APP]
    return {"inputs": inputs, "outputs": [n.number for n in sheet.nodes if n.kind in RESULTS]}


def _place(sheet: Sheet) -> list[Json]:
    """Give every node its place and size; the groups of the columns."""
    groups: list[Json] = []
    x = 0.0
    for number, (title, width, stacks) in enumerate(sheet.columns):
        height = max(
            _stack(sheet, nodes, x + EDGE + n * (width + GAP), width)
            for n, nodes in enumerate(stacks)
        )
        whole = len(stacks) * (width + GAP) - GAP + 2 * EDGE
        groups.append(
            {
                "id": number + 1,
                "title": title,
                "bounding": [x, -20, whole, height],
                "color": COLOURS[number % len(COLOURS)],
                "font_size": 24,
                "flags": {},
            }
        )
        x += whole + BESIDE
    return groups


def _stack(sheet: Sheet, nodes: Sequence[Node], x: float, width: float) -> float:
    """Place nodes under each other; where the next one would stand."""
    y = 60.0
    for node in nodes:
        node.place, node.size = (x, y), (width, height_of(sheet, node, width))
        y += TITLE + (FOLDED if node.folded else node.size[1] + GAP)
    return y


def _graph_node(sheet: Sheet, node: Node, order: int, links: list[Link]) -> Json:
    definition = sheet.definitions[node.kind]
    inputs, values = _inputs(sheet, node, links)
    outputs: list[Json] = [
        {"name": name, "type": kind, "links": []}
        for name, kind in zip(definition["output_name"], definition["output"], strict=True)
    ]
    return {
        "id": node.number,
        "type": node.kind,
        "pos": list(node.place),
        "size": list(node.size),
        "flags": {"collapsed": True} if node.folded else {},
        "order": order,
        "mode": 0,
        "inputs": inputs,
        "outputs": outputs,
        **({} if node.title == definition["display_name"] else {"title": node.title}),
        "properties": _properties(sheet, node),
        "widgets_values": values,
    }


def _properties(sheet: Sheet, node: Node) -> Json:
    """Where the node comes from, and what the front end needs to show it."""
    if subgraph := sheet.subgraphs.get(node.kind):
        return {"proxyWidgets": subgraph.proxies}
    own = node.kind.startswith("InstanceEdit")
    properties: Json = {
        "cnr_id": "instance-edit" if own else "comfy-core",
        "Node name for S&R": node.kind,
    }
    if not own:
        properties["ver"] = since(node)  # what the front end names where the node is missing
    if node.models:
        properties["models"] = node.models
    return properties


def _inputs(sheet: Sheet, node: Node, links: list[Link]) -> tuple[list[Json], list[Any]]:
    """The node's sockets and its widgets' values; its links are added to the others."""
    inputs: list[Json] = []
    values: list[Any] = []
    for item in sheet.fields(node):
        value = node.inputs.get(item.name, default_value(item))
        linked = isinstance(value, Output)
        slot: Json = {"name": item.name, "type": item.kind, "link": None}
        if item.optional:
            slot["shape"] = 7
        if "." in item.name and not item.is_widget:
            slot["label"] = item.name.partition(".")[2]
        if item.is_widget:
            slot["widget"] = {"name": item.name}
            values += _widget_values(item, default_value(item) if linked else value)
        if linked:
            kind = sheet.definitions[value.node.kind]["output"][value.slot]
            ends = (value.node.number, value.slot, node.number, len(inputs))
            links.append(Link(len(links) + 1, *ends, kind))
            slot["link"] = len(links)
        if linked or not item.is_widget:
            inputs.append(slot)
    return inputs, values


def _widget_values(item: Field, value: Any) -> list[Any]:
    """A widget's value, and that of the widget that the front end adds beside it."""
    if has_control(item):
        return [value, "fixed"]
    if item.options.get("image_upload"):
        return [value, "image"]
    return [value]
