"""The blueprint "Edit N instances": everything between a loaded model and the edited picture."""

from __future__ import annotations

import uuid

from . import loaders, steps
from .sheet import NAMESPACE, Definitions, Json, Sheet

NAME = "Edit N instances"
SOURCES = ("model", "clip", "vae", "image", "regions")
WIDGETS = (
    ("InstanceEditMultiPromptEncode", "global_prompt"),
    ("InstanceEditBuildBias", "method"),
    ("FluxGuidance", "guidance"),
    ("KSampler", "seed"),
    ("KSampler", "steps"),
)
INPUT, OUTPUT = -10, -20


def blueprint(definitions: Definitions) -> Json:
    """The blueprint file: one subgraph node and its definition."""
    graph = _inner(definitions).graph()
    outer = {node["id"]: name for node, name in zip(graph["nodes"], SOURCES, strict=False)}
    (save,) = (node["id"] for node in graph["nodes"] if node["type"] == "SaveImage")
    nodes = [node for node in graph["nodes"] if node["id"] not in (*outer, save)]
    links, ports, result = _rewire(graph["links"], outer, save)
    for node in nodes:
        node["pos"] = [node["pos"][0] - 360, node["pos"][1]]
    identity = str(uuid.uuid5(NAMESPACE, NAME))
    inputs = [_port(name, kind, ids, i) for i, (name, (kind, ids)) in enumerate(ports.items())]
    outputs = [_port("image", "IMAGE", [result], 0, x=1600)]
    inner: Json = {
        "id": identity,
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
        "inputNode": {"id": INPUT, "bounding": [-160, 60, 120, 160]},
        "outputNode": {"id": OUTPUT, "bounding": [1600, 60, 120, 60]},
        "inputs": inputs,
        "outputs": outputs,
        "widgets": [],
        "nodes": nodes,
        "groups": [],
        "links": links,
        "extra": {},
    }
    kinds = {node["type"]: node["id"] for node in nodes}
    return {
        "revision": 0,
        "last_node_id": 1,
        "last_link_id": 0,
        "nodes": [
            {
                "id": 1,
                "type": identity,
                "pos": [0, 0],
                "size": [340, 320],
                "flags": {},
                "order": 0,
                "mode": 0,
                "title": NAME,
                "inputs": [{"name": p["name"], "type": p["type"], "link": None} for p in inputs],
                "outputs": [{"name": "image", "type": "IMAGE", "links": []}],
                "properties": {
                    "proxyWidgets": [[str(kinds[kind]), widget] for kind, widget in WIDGETS]
                },
                "widgets_values": [],
            }
        ],
        "links": [],
        "version": 0.4,
        "definitions": {"subgraphs": [inner]},
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
    sampling = steps.sample(sheet, loaded, prepared, 28, 2.5, (image[0], masks[0]))
    sheet.column("Encode", latent, *prepared.nodes)
    sheet.column("Sample", *sampling)
    return sheet


def _rewire(
    links: list[list[object]], outer: dict[int, str], save: int
) -> tuple[list[Json], dict[str, tuple[str, list[int]]], int]:
    """Links from outside nodes become links from the subgraph's inputs, that to Save Image the
    one to its output: links, link ids by input, the output's link id."""
    kept: list[Json] = []
    ports: dict[str, tuple[str, list[int]]] = {}
    result = 0
    for number, source, slot, target, target_slot, kind in links:
        if target in outer:
            continue
        if source in outer:
            port = ports.setdefault(outer[source], (kind, []))
            port[1].append(number)
            source, slot = INPUT, list(ports).index(outer[source])
        if target == save:
            target, target_slot, result = OUTPUT, 0, number
        kept.append(
            {
                "id": number,
                "origin_id": source,
                "origin_slot": slot,
                "target_id": target,
                "target_slot": target_slot,
                "type": kind,
            }
        )
    return kept, ports, result


def _port(name: str, kind: str, links: list[int], number: int, x: float = -60) -> Json:
    return {
        "id": str(uuid.uuid5(NAMESPACE, f"{NAME} {name} {x}")),
        "name": name,
        "type": kind,
        "linkIds": links,
        "pos": [x, 80 + 20 * number],
    }
