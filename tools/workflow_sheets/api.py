"""A sheet in ComfyUI's API format; the nodes of a subgraph stand for the one that shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .sheet import Json, Node, Output, Sheet, default_value
from .subgraph import Subgraph

Resolve = Callable[[Output], list[Any] | None]
"""Where an output comes from, as the API writes it; None where nothing is connected."""


def api(sheet: Sheet) -> Json:
    """The sheet in API format."""

    def resolve(output: Output) -> list[Any] | None:
        return _origin(sheet, output)

    prompt: Json = {}
    for node in sheet.nodes:
        if node.kind in sheet.subgraphs:
            prompt |= _inside(sheet, node, sheet.subgraphs[node.kind])
        else:
            prompt[str(node.number)] = _entry(sheet, node, resolve)
    return prompt


def _origin(sheet: Sheet, output: Output) -> list[Any] | None:
    """A node of the sheet, or of a subgraph on it."""
    subgraph = sheet.subgraphs.get(output.node.kind)
    if subgraph is None:
        return [str(output.node.number), output.slot]
    inner = subgraph.origin(output.slot)
    return [_name(output.node, inner.node, subgraph), inner.slot]


def _inside(sheet: Sheet, outer: Node, subgraph: Subgraph) -> Json:
    """The nodes of a subgraph, where ``outer`` shows it."""

    def resolve(output: Output) -> list[Any] | None:
        if output.node is not subgraph.start:
            return [_name(outer, output.node, subgraph), output.slot]
        given = outer.inputs.get(list(subgraph.inputs)[output.slot])
        return None if given is None else _origin(sheet, given)

    return {
        _name(outer, node, subgraph): _entry(subgraph.sheet, node, resolve)
        for node in subgraph.nodes
    }


def _name(outer: Node, inner: Node, subgraph: Subgraph) -> str:
    return f"{outer.number}:{subgraph.number_of(inner)}"


def _entry(sheet: Sheet, node: Node, resolve: Resolve) -> Json:
    inputs: Json = {}
    for item in sheet.fields(node):
        value = node.inputs.get(item.name, default_value(item))
        if isinstance(value, Output):
            if (origin := resolve(value)) is not None:
                inputs[item.name] = origin
        elif item.is_widget:
            # The front end marks a list as a value, for a bare list is a link.
            inputs[item.name] = {"__value__": value} if isinstance(value, list) else value
    return {"inputs": inputs, "class_type": node.kind, "_meta": {"title": node.title}}
