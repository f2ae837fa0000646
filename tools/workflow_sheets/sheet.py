"""A sheet of nodes that can be written as ComfyUI's graph format and as its API format."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Definitions = dict[str, Json]

GAP, TITLE, SLOT, WIDGET, MULTILINE = 56, 30, 20, 30, 96
SOCKETS_ONLY = ("BOUNDING_BOX", "*")
WIDGET_TYPES = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "BOUNDING_BOXES")
DYNAMIC = "COMFY_DYNAMICCOMBO_V3"
PICTURES = {"LoadImage": 300, "SaveImage": 300, "CreateBoundingBoxes": 620, "PreviewAny": 120}
PREVIEW = 420
COLOURS = ("#3f789e", "#8A8", "#b58b2a", "#a1309b", "#b06634", "#88A")
NAMESPACE = uuid.UUID("6a2f0c1e-6a55-4f0e-9a61-0d9f4a3a5a10")


@dataclass(frozen=True)
class Output:
    """One output of a node."""

    node: Node
    slot: int


@dataclass
class Node:
    """A node with the values and links of its inputs, by input name."""

    number: int
    kind: str
    title: str
    inputs: dict[str, Any]
    models: list[Json] = field(default_factory=list)
    place: tuple[float, float] = (0, 0)
    size: tuple[float, float] = (0, 0)

    def __getitem__(self, slot: int) -> Output:
        return Output(self, slot)


@dataclass(frozen=True)
class Field:
    """An input as a node's definition gives it, with the sub-inputs of a chosen option resolved."""

    name: str
    kind: str
    options: Json
    optional: bool

    @property
    def is_widget(self) -> bool:
        forced = self.options.get("forceInput") or self.kind.split(",")[0] in SOCKETS_ONLY
        return self.kind in (*WIDGET_TYPES, DYNAMIC) and not forced


class Sheet:
    """Nodes in columns, each column a group, over notes."""

    def __init__(self, name: str, definitions: Definitions) -> None:
        self.name = name
        self._definitions = definitions
        self._nodes: list[Node] = []
        self._notes: list[tuple[str, float, float]] = []
        self._columns: list[tuple[str, float, list[Node]]] = []

    def add(self, kind: str, title: str = "", models: list[Json] | None = None, **inputs: Any):
        """Add a node; an input is a value or another node's ``Output``.

        Inputs of a dynamic option are given as ``method__kernel_size``.
        """
        if kind not in self._definitions:
            raise ValueError(f"the server knows no node {kind!r}: is the pack loaded?")
        named = {name.replace("__", "."): value for name, value in inputs.items()}
        title = title or self._definitions[kind]["display_name"] or kind
        node = Node(len(self._nodes) + 1, kind, title, named, models or [])
        known = {f.name for f in self.fields(node)}
        if unknown := named.keys() - known:
            raise ValueError(f"{kind} has no input {sorted(unknown)}, only {sorted(known)}.")
        self._nodes.append(node)
        return node

    def note(self, text: str, width: float = 460, height: float = 200) -> None:
        """A note in markdown above the columns."""
        self._notes.append((text, width, height))

    def column(self, title: str, *nodes: Node, width: float = 320) -> None:
        """Place nodes under each other, in a group."""
        self._columns.append((title, width, list(nodes)))

    def fields(self, node: Node) -> list[Field]:
        """The node's inputs in the order of its definition."""
        definition = self._definitions[node.kind]
        found: list[Field] = []
        for part in ("required", "optional"):
            for name, spec in definition["input"].get(part, {}).items():
                found += _resolve(name, spec, part == "optional", node.inputs)
        return found

    def api(self) -> Json:
        """The sheet in API format."""
        prompt: Json = {}
        for node in self._nodes:
            inputs: Json = {}
            for item in self.fields(node):
                value = node.inputs.get(item.name, _default(item))
                if isinstance(value, Output):
                    inputs[item.name] = [str(value.node.number), value.slot]
                elif item.is_widget:
                    # The front end marks a list as a value, for a bare list is a link.
                    inputs[item.name] = {"__value__": value} if isinstance(value, list) else value
            prompt[str(node.number)] = {
                "inputs": inputs,
                "class_type": node.kind,
                "_meta": {"title": node.title},
            }
        return prompt

    def graph(self) -> Json:
        """The sheet in the front end's graph format."""
        groups = self._place()
        links: list[list[Any]] = []
        nodes = [self._graph_node(node, order, links) for order, node in enumerate(self._nodes)]
        for number, source, slot, *_ in links:
            nodes[source - 1]["outputs"][slot]["links"].append(number)
        notes = self._graph_notes(len(nodes))
        return {
            "id": str(uuid.uuid5(NAMESPACE, self.name)),
            "revision": 0,
            "last_node_id": len(nodes) + len(notes),
            "last_link_id": len(links),
            "nodes": [*nodes, *notes],
            "links": links,
            "groups": groups,
            "config": {},
            "extra": {"ds": {"scale": 0.55, "offset": [140, 500]}},
            "version": 0.4,
        }

    def _place(self) -> list[Json]:
        groups: list[Json] = []
        x = 0.0
        for number, (title, width, nodes) in enumerate(self._columns):
            y = 60.0
            for node in nodes:
                node.place, node.size = (x + 20, y), (width, self._height(node))
                y += node.size[1] + TITLE + GAP
            groups.append(
                {
                    "id": number + 1,
                    "title": title,
                    "bounding": [x, -30, width + 40, y + 10],
                    "color": COLOURS[number % len(COLOURS)],
                    "font_size": 24,
                    "flags": {},
                }
            )
            x += width + 40 + GAP
        return groups

    def _height(self, node: Node) -> float:
        fields = self.fields(node)
        sockets = sum(not item.is_widget for item in fields)
        outputs = len(self._definitions[node.kind]["output"])
        height = 10.0 + SLOT * max(sockets, outputs)
        for item in fields:
            if item.is_widget:
                height += MULTILINE if item.options.get("multiline") else WIDGET
                height += WIDGET if item.options.get("control_after_generate") else 0
        preview = PREVIEW if node.kind.startswith("InstanceEditPreview") else 0
        return height + PICTURES.get(node.kind, preview)

    def _graph_node(self, node: Node, order: int, links: list[list[Any]]) -> Json:
        definition = self._definitions[node.kind]
        inputs, values = [], []
        for item in self.fields(node):
            value = node.inputs.get(item.name, _default(item))
            linked = isinstance(value, Output)
            slot: Json = {"name": item.name, "type": item.kind, "link": None}
            if item.optional:
                slot["shape"] = 7
            if item.is_widget:
                slot["widget"] = {"name": item.name}
                values += _widget_values(item, _default(item) if linked else value)
            if linked:
                slot["link"] = len(links) + 1
                source = value.node
                kind = self._definitions[source.kind]["output"][value.slot]
                link = [slot["link"], source.number, value.slot, node.number, len(inputs), kind]
                links.append(link)
            if linked or not item.is_widget:
                inputs.append(slot)
        own = node.kind.startswith("InstanceEdit")
        properties: Json = {
            "cnr_id": "instance-edit" if own else "comfy-core",
            "Node name for S&R": node.kind,
        }
        if node.models:
            properties["models"] = node.models
        outputs = [
            {"name": name, "type": kind, "links": []}
            for name, kind in zip(definition["output_name"], definition["output"], strict=True)
        ]
        return {
            "id": node.number,
            "type": node.kind,
            "pos": list(node.place),
            "size": list(node.size),
            "flags": {},
            "order": order,
            "mode": 0,
            "inputs": inputs,
            "outputs": outputs,
            "title": node.title,
            "properties": properties,
            "widgets_values": values,
        }

    def _graph_notes(self, first: int) -> list[Json]:
        notes: list[Json] = []
        x = 0.0
        for number, (text, width, height) in enumerate(self._notes, start=first + 1):
            notes.append(
                {
                    "id": number,
                    "type": "MarkdownNote",
                    "pos": [x, -height - 90],
                    "size": [width, height],
                    "flags": {},
                    "order": number - 1,
                    "mode": 0,
                    "inputs": [],
                    "outputs": [],
                    "title": "Note",
                    "properties": {},
                    "widgets_values": [text],
                    "color": "#432",
                    "bgcolor": "#653",
                }
            )
            x += width + GAP
        return notes


def _resolve(name: str, spec: list[Any], optional: bool, inputs: Json) -> list[Field]:
    """An input and, if it is a dynamic option, the inputs of the chosen one."""
    kind, options = spec[0], spec[1] if len(spec) > 1 else {}
    if isinstance(kind, list):
        kind, options = "COMBO", {**options, "options": kind}
    found = [Field(name, kind, options, optional)]
    if kind == DYNAMIC:
        chosen = inputs.get(name, options["options"][0]["key"])
        (option,) = (o for o in options["options"] if o["key"] == chosen)
        for part in ("required", "optional"):
            for sub, sub_spec in option["inputs"].get(part, {}).items():
                found += _resolve(f"{name}.{sub}", sub_spec, part == "optional", inputs)
    return found


def _default(item: Field) -> Any:
    if item.kind == DYNAMIC:
        return item.options["options"][0]["key"]
    if "default" in item.options:
        return item.options["default"]
    if item.kind == "COMBO":
        return (item.options.get("options") or [None])[0]
    return {"INT": 0, "FLOAT": 0.0, "STRING": "", "BOOLEAN": False}.get(item.kind)


def _widget_values(item: Field, value: Any) -> list[Any]:
    """A widget's value, and that of the widget that the front end adds beside it."""
    if item.options.get("control_after_generate"):
        return [value, "fixed"]
    if item.options.get("image_upload"):
        return [value, "image"]
    return [value]
