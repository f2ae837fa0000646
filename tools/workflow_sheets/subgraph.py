"""A subgraph on a sheet: nodes that one node shows."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from .sheet import NAMESPACE, Definitions, Json, Node, Output, Sheet

START = "inputs of a subgraph"
INNER = 100
"""Added to the numbers of inner nodes: the front end wants none twice."""


@dataclass(frozen=True)
class Subgraph:
    """Nodes that one node shows.

    Attributes:
        inputs, outputs: their types, by name.
        sheet: its nodes, after one that gives what comes from outside.
        ends: what each output gives.
        widgets: kind of an inner node and its widget, which the one node shows.
    """

    name: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    sheet: Sheet
    ends: dict[str, Output]
    widgets: tuple[tuple[str, str], ...] = ()

    @property
    def identity(self) -> str:
        return str(uuid.uuid5(NAMESPACE, self.name))

    @property
    def definition(self) -> Json:
        """It as a node's definition."""
        return {
            "input": {"required": {name: [kind] for name, kind in self.inputs.items()}},
            "output": list(self.outputs.values()),
            "output_name": list(self.outputs),
            "display_name": self.name,
        }

    @property
    def start(self) -> Node:
        """The node that gives what comes from outside."""
        return self.sheet.nodes[0]

    @property
    def nodes(self) -> list[Node]:
        """Those that are really there."""
        return self.sheet.nodes[1:]

    def origin(self, slot: int) -> Output:
        """What an output gives."""
        return self.ends[list(self.outputs)[slot]]

    @property
    def proxies(self) -> list[list[str]]:
        """The widgets that the one node shows, as the front end writes them."""
        found = {node.kind: str(self.number_of(node)) for node in self.nodes}
        return [[found[kind], widget] for kind, widget in self.widgets]

    @staticmethod
    def number_of(node: Node) -> int:
        """The number of an inner node, unlike any on a sheet: the front end wants that."""
        return INNER + node.number


def inner_sheet(name: str, definitions: Definitions, inputs: dict[str, str]) -> tuple[Sheet, Node]:
    """A sheet for what is inside, and the node on it that gives what comes from outside.

    Args:
        inputs: their types, by name.
    """
    start = {
        "input": {},
        "output": list(inputs.values()),
        "output_name": list(inputs),
        "display_name": START,
    }
    sheet = Sheet(name, {**definitions, START: start})
    return sheet, sheet.add(START)
