"""Subgraphs in the front end's format: a definition in the file of whatever shows them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import NamedTuple

from .graph import Link, sheet_graph
from .sheet import NAMESPACE, Json, Sheet
from .subgraph import INNER, Subgraph

INPUT, OUTPUT = -10, -20
LEFT, BESIDE = -180, 60
"""Where the inputs stand, and how far the outputs are from the last column, in pixels."""


class Port(NamedTuple):
    """An input or output of a subgraph: its type, and the links that it has inside."""

    kind: str
    links: list[int]


def workflow_graph(sheet: Sheet) -> Json:
    """The sheet in the front end's graph format, with the subgraphs on it."""
    graph = sheet_graph(sheet)
    if not sheet.subgraphs:
        return graph
    inner = [definition(subgraph) for subgraph in sheet.subgraphs.values()]
    last = max(node["id"] for one in inner for node in one["nodes"])
    return {**graph, "last_node_id": last, "definitions": {"subgraphs": inner}}


def definition(subgraph: Subgraph) -> Json:
    """What a file says of a subgraph."""
    graph = sheet_graph(subgraph.sheet)
    start, *nodes = ({**node, "id": INNER + node["id"]} for node in graph["nodes"])
    given = zip(subgraph.inputs.items(), start["outputs"], strict=True)
    inputs = {name: Port(kind, output["links"]) for (name, kind), output in given}
    links = [_inner_link(Link(*link), start["id"]) for link in graph["links"]]
    outputs: dict[str, Port] = {}
    for slot, (name, end) in enumerate(subgraph.ends.items()):
        kind, number = subgraph.outputs[name], len(links) + 1
        links.append(Link(number, subgraph.number_of(end.node), end.slot, OUTPUT, slot, kind))
        nodes[end.node.number - 2]["outputs"][end.slot]["links"].append(number)
        outputs[name] = Port(kind, [number])
    right = max(node["pos"][0] + node["size"][0] for node in nodes) + BESIDE
    return {
        **head(subgraph.name, subgraph.identity, right),
        "state": state(INNER + graph["last_node_id"], len(links)),
        "inputs": ports(subgraph.name, inputs, LEFT + 120),
        "outputs": ports(subgraph.name, outputs, right),
        "widgets": [],
        "nodes": nodes,
        "groups": graph["groups"],
        "links": [link_as_json(link) for link in links],
        "extra": {},
    }


def _inner_link(link: Link, start: int) -> Link:
    """A link with the numbers that inner nodes have in the file."""
    source, target = INNER + link.source, INNER + link.target
    return link._replace(source=INPUT if source == start else source, target=target)


def head(name: str, identity: str, right: float) -> Json:
    """What a subgraph says of itself before its parts; ``right`` is where its outputs stand."""
    return {
        "id": identity,
        "version": 1,
        "revision": 0,
        "name": name,
        "config": {},
        "inputNode": {"id": INPUT, "bounding": [LEFT, 60, 120, 160]},
        "outputNode": {"id": OUTPUT, "bounding": [right, 60, 120, 60]},
    }


def state(last_node: int, last_link: int) -> Json:
    """The highest numbers inside a subgraph."""
    return {
        "lastGroupId": 0,
        "lastNodeId": last_node,
        "lastLinkId": last_link,
        "lastRerouteId": 0,
    }


def ports(subgraph: str, named: Mapping[str, Port], x: float) -> list[Json]:
    """The inputs or the outputs of a subgraph, under each other."""
    return [
        {
            "id": str(uuid.uuid5(NAMESPACE, f"{subgraph} {name} {x}")),
            "name": name,
            "type": port.kind,
            "linkIds": port.links,
            "pos": [x, 80 + 20 * number],
        }
        for number, (name, port) in enumerate(named.items())
    ]


def link_as_json(link: Link) -> Json:
    """A link as a subgraph lists it."""
    return {
        "id": link.number,
        "origin_id": link.source,
        "origin_slot": link.slot,
        "target_id": link.target,
        "target_slot": link.target_slot,
        "type": link.kind,
    }
