"""The blueprint "Edit N instances": everything between a loaded model and the edited picture."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import NamedTuple

from . import loaders, steps
from .graph import NAMESPACE, Link, sheet_graph
from .sheet import Definitions, Json, Sheet

NAME = "Edit N instances"
SOURCES = ("model", "clip", "vae", "image", "regions")
WIDGETS = (
    ("InstanceEditMultiPromptEncode", "global_prompt"),
    ("InstanceEditBuildBias", "method"),
    ("FluxGuidance", "guidance"),
    ("KSampler", "seed"),
    ("KSampler", "steps"),
    ("InstanceEditSkipBackground", "skip"),
)
CATEGORY = "Image generation and editing"
DESCRIPTION = (
    "Edits many things of one picture in one pass: every region has an instruction of its own, and "
    "the rest of the picture stays as it is. For FLUX.1 Kontext and FLUX.2 klein or dev."
)
ALIASES = (
    *("regional", "regional prompt", "inpaint many", "multi edit", "edit many objects"),
    *("kontext", "klein", "flux", "qwen", "instance edit"),
)
INPUT, OUTPUT = -10, -20
LEFT, RIGHT = -180, 780
"""Where its inputs and its output stand, beside two columns of nodes."""
IDENTITY = str(uuid.uuid5(NAMESPACE, NAME))


class Port(NamedTuple):
    """An input or output of the subgraph: its type, and the links that it has inside."""

    kind: str
    links: list[int]


def blueprint(definitions: Definitions) -> Json:
    """The blueprint file: one subgraph node and its definition."""
    graph = sheet_graph(_inner(definitions))
    outer = {node["id"]: name for node, name in zip(graph["nodes"], SOURCES, strict=False)}
    (save,) = (node["id"] for node in graph["nodes"] if node["type"] == "SaveImage")
    links, ports, result = _rewire([Link(*link) for link in graph["links"]], outer, save)
    inner = {
        **_subgraph(graph),
        "inputs": [_port(name, port, i) for i, (name, port) in enumerate(ports.items())],
        "outputs": [_port("image", Port("IMAGE", [result]), 0, x=RIGHT)],
        "widgets": [],
        "nodes": [node for node in graph["nodes"] if node["id"] not in (*outer, save)],
        "groups": [],
        "links": links,
        "category": CATEGORY,
        "description": DESCRIPTION,
        "extra": {},
    }
    return {
        "revision": 0,
        "last_node_id": 1,
        "last_link_id": 0,
        "nodes": [_outer_node(inner)],
        "links": [],
        "extra": {"BlueprintDescription": DESCRIPTION, "BlueprintSearchAliases": list(ALIASES)},
        "version": 0.4,
        "definitions": {"subgraphs": [inner]},
    }


def _subgraph(graph: Json) -> Json:
    """What a subgraph says of itself before its parts."""
    return {
        "id": IDENTITY,
        "version": 1,
        "revision": 0,
        "name": NAME,
        "state": {
            "lastGroupId": 0,
            "lastNodeId": graph["last_node_id"],
            "lastLinkId": graph["last_link_id"],
            "lastRerouteId": 0,
        },
        "config": {},
        "inputNode": {"id": INPUT, "bounding": [LEFT, 60, 120, 160]},
        "outputNode": {"id": OUTPUT, "bounding": [RIGHT, 60, 120, 60]},
    }


def _outer_node(inner: Json) -> Json:
    """The subgraph as one node, some widgets of its inner nodes on it."""
    kinds = {node["type"]: node["id"] for node in inner["nodes"]}
    ports = [{"name": p["name"], "type": p["type"], "link": None} for p in inner["inputs"]]
    return {
        "id": 1,
        "type": IDENTITY,
        "pos": [0, 0],
        "size": [340, 320],
        "flags": {},
        "order": 0,
        "mode": 0,
        "title": NAME,
        "inputs": ports,
        "outputs": [{"name": "image", "type": "IMAGE", "links": []}],
        "properties": {"proxyWidgets": [[str(kinds[kind]), widget] for kind, widget in WIDGETS]},
        "widgets_values": [],
    }


def _inner(definitions: Definitions) -> Sheet:
    """The nodes inside, after five that stand for what comes from outside."""
    sheet = Sheet(NAME, definitions)
    model = sheet.add("UNETLoader", unet_name="")
    clip = sheet.add("CLIPLoader", clip_name="", type="flux2")
    vae = sheet.add("VAELoader", vae_name="")
    image = sheet.add("LoadImage", image="")
    masks = sheet.add("InstanceEditRegionsFromMasks", masks=image[1])
    loaded = loaders.Loaded(model[0], clip[0], vae[0], [])
    latent = sheet.add("VAEEncode", pixels=image[0], vae=vae[0])
    prepared = steps.prepare(sheet, loaded, masks[0], latent[0])
    skipping = sheet.add("InstanceEditSkipBackground", model=prepared.model, skip=False)
    prepared = replace(prepared, model=skipping[0], nodes=[*prepared.nodes, skipping])
    sampling = steps.sample(sheet, loaded, prepared, steps.Way(28, 2.5), image[0], masks[0])
    sheet.column("Encode", latent, *prepared.nodes)
    sheet.column("Sample", *(node for node in sampling if node.kind != "SaveImage"))
    return sheet


def _rewire(
    links: list[Link], outer: dict[int, str], save: int
) -> tuple[list[Json], dict[str, Port], int]:
    """Links from outside nodes become links from the subgraph's inputs, that to Save Image the
    one to its output: links, inputs by name, the output's link."""
    kept: list[Json] = []
    kinds = {outer[link.source]: link.kind for link in links if link.source in outer}
    ports = {name: Port(kinds[name], []) for name in SOURCES}
    result = 0
    for link in links:
        if link.target in outer:
            continue
        if link.source in outer:
            name = outer[link.source]
            ports[name].links.append(link.number)
            link = link._replace(source=INPUT, slot=SOURCES.index(name))
        if link.target == save:
            link, result = link._replace(target=OUTPUT, target_slot=0), link.number
        kept.append(
            {
                "id": link.number,
                "origin_id": link.source,
                "origin_slot": link.slot,
                "target_id": link.target,
                "target_slot": link.target_slot,
                "type": link.kind,
            }
        )
    return kept, ports, result


def _port(name: str, port: Port, number: int, x: float = -60) -> Json:
    return {
        "id": str(uuid.uuid5(NAMESPACE, f"{NAME} {name} {x}")),
        "name": name,
        "type": port.kind,
        "linkIds": port.links,
        "pos": [x, 80 + 20 * number],
    }
