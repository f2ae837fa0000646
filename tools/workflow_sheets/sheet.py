"""A sheet of nodes, as recipes fill it; `api.py` and `graph.py` write it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .subgraph import Subgraph

Json = dict[str, Any]
Definitions = dict[str, Json]
NAMESPACE = uuid.UUID("6a2f0c1e-6a55-4f0e-9a61-0d9f4a3a5a10")

SOCKETS_ONLY = ("BOUNDING_BOX", "*")
WIDGET_TYPES = ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", "BOUNDING_BOXES", "IMAGECOMPARE")
PLUMBING = (
    *("VAEEncode", "VAEDecode", "ReferenceLatent", "ConditioningZeroOut", "BasicGuider"),
    *("FluxKontextImageScale", "ImageScaleToTotalPixels", "DisableNoise", "CFGNorm"),
    *("FluxKontextMultiReferenceLatentMethod", "ModelSamplingAuraFlow", "ModelSamplingFlux"),
    *("KSamplerSelect", "SplitSigmas", "SamplerCustomAdvanced", "GetImageSize"),
    *("InstanceEditApplyAttention", "InstanceEditCompositeBackground"),
    "InstanceEditTurnMemory",
)
"""Nodes that nobody changes."""
DYNAMIC, GROWING = "COMFY_DYNAMICCOMBO_V3", "COMFY_AUTOGROW_V3"


@dataclass(frozen=True)
class Output:
    """One output of a node."""

    node: Node
    slot: int


@dataclass
class Node:
    """A node with the values and links of its inputs, by input name.

    Attributes:
        models: files it loads, which the front end offers to download.
        folded: drawn as its title alone, for nobody changes it.
        place, size: in the graph; set when that is written.
    """

    number: int
    kind: str
    title: str
    inputs: dict[str, Any]
    models: list[Json] = field(default_factory=list)
    folded: bool = False
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


class Column(NamedTuple):
    """A group of nodes.

    Attributes:
        width: of a node.
        stacks: nodes under each other, each stack to the right of the one before.
    """

    title: str
    width: float
    stacks: list[Sequence[Node]]


class Sheet:
    """Nodes in columns, under notes."""

    def __init__(self, name: str, definitions: Definitions) -> None:
        self.name = name
        self.definitions = definitions
        self.nodes: list[Node] = []
        self.notes: list[str] = []
        self.columns: list[Column] = []
        self.subgraphs: dict[str, Subgraph] = {}

    def add(self, kind: str, title: str = "", /, **inputs: Any) -> Node:
        """Add a node; an input is a value or another node's ``Output``.

        Inputs of a dynamic option are given as ``method__kernel_size``, those of a list that grows
        as ``images__image_1``.

        Raises:
            ValueError: a node or an input that the server does not know.
        """
        if kind not in self.definitions:
            raise ValueError(f"the server knows no node {kind!r}: is the pack loaded?")
        named = {name.replace("__", "."): value for name, value in inputs.items()}
        title = title or self.definitions[kind]["display_name"] or kind
        node = Node(len(self.nodes) + 1, kind, title, named)
        known = {f.name for f in self.fields(node)}
        if unknown := named.keys() - known:
            raise ValueError(f"{kind} has no input {sorted(unknown)}, only {sorted(known)}.")
        node.folded = kind in PLUMBING
        self.nodes.append(node)
        return node

    def note(self, text: str) -> None:
        """A note in markdown above the columns."""
        self.notes.append(text)

    def fold(self, *nodes: Node) -> None:
        """Draw these nodes as their titles alone."""
        for node in nodes:
            node.folded = True

    def column(
        self, title: str, *nodes: Node, width: float = 320, beside: Iterable[Node] = ()
    ) -> None:
        """Place nodes under each other, in a group; ``beside`` stands to their right in it."""
        self.columns.append(Column(title, width, [nodes, tuple(beside)] if beside else [nodes]))

    def fields(self, node: Node) -> list[Field]:
        """The node's inputs in the order of its definition."""
        definition = self.definitions[node.kind]
        found: list[Field] = []
        for part in ("required", "optional"):
            for name, spec in definition["input"].get(part, {}).items():
                found += _resolve(name, spec, part == "optional", node.inputs)
        return found

    def show(self, subgraph: Subgraph) -> None:
        """Let ``add`` know a subgraph, by its identity."""
        known = {subgraph.identity: subgraph.definition}
        self.definitions = {**self.definitions, **known}
        self.subgraphs[subgraph.identity] = subgraph


def _resolve(name: str, spec: list[Any], optional: bool, inputs: Json) -> list[Field]:
    """An input and, if it is a dynamic option, the inputs of the chosen one. Of a list that grows
    the inputs that are given, and a free one."""
    kind, options = spec[0], spec[1] if len(spec) > 1 else {}
    if isinstance(kind, list):
        kind, options = "COMBO", {**options, "options": kind}
    if kind == GROWING:
        return _grown(name, options["template"], inputs)
    found = [Field(name, kind, options, optional)]
    if kind == DYNAMIC:
        chosen = inputs.get(name, options["options"][0]["key"])
        (option,) = (o for o in options["options"] if o["key"] == chosen)
        for part in ("required", "optional"):
            for sub, sub_spec in option["inputs"].get(part, {}).items():
                found += _resolve(f"{name}.{sub}", sub_spec, part == "optional", inputs)
    return found


def _grown(name: str, template: Json, inputs: Json) -> list[Field]:
    """The inputs of a list that grows."""
    [(kind, *options)] = template["input"]["required"].values()
    numbers = range(template.get("max", 0))
    names = template.get("names") or [f"{template['prefix']}{n}" for n in numbers]
    given = sum(f"{name}.{one}" in inputs for one in names)
    more = options[0] if options else {}
    return [Field(f"{name}.{one}", kind, more, True) for one in names[: given + 1]]


def default_value(item: Field) -> Any:
    if item.kind == DYNAMIC:
        return item.options["options"][0]["key"]
    if "default" in item.options:
        return item.options["default"]
    if item.kind == "COMBO":
        return (item.options.get("options") or [None])[0]
    empty = {"INT": 0, "FLOAT": 0.0, "STRING": "", "BOOLEAN": False, "IMAGECOMPARE": ["", ""]}
    return empty.get(item.kind)
