"""The blueprint "Edit N instances": everything between a loaded model and the edited picture."""

from __future__ import annotations

import uuid
from dataclasses import replace

from . import loaders, steps
from .graph import Link, sheet_graph
from .sheet import NAMESPACE, Definitions, Json, Sheet
from .subgraph_file import INPUT, LEFT, OUTPUT, Port, head, link_as_json, ports, state

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
RIGHT = 780
"""Where its output stands, beside two columns of nodes."""
IDENTITY = str(uuid.uuid5(NAMESPACE, NAME))


def blueprint(definitions: Definitions) -> Json:
    """The blueprint file: one subgraph node and its definition."""
    graph = sheet_graph(_inner(definitions))
    outer = {node["id"]: name for node, name in zip(graph["nodes"], SOURCES, strict=False)}
    (save,) = (node["id"] for node in graph["nodes"] if node["type"] == "SaveImage")
    links, inputs, result = _rewire([Link(*link) for link in graph["links"]], outer, save)
    inner = {
        **head(NAME, IDENTITY, RIGHT),
        "state": state(graph["last_node_id"], graph["last_link_id"]),
        "inputs": ports(NAME, inputs, LEFT + 120),
        "outputs": ports(NAME, {"image": Port("IMAGE", [result])}, RIGHT),
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
    inputs = {name: Port(kinds[name], []) for name in SOURCES}
    result = 0
    for link in links:
        if link.target in outer:
            continue
        if link.source in outer:
            name = outer[link.source]
            inputs[name].links.append(link.number)
            link = link._replace(source=INPUT, slot=SOURCES.index(name))
        if link.target == save:
            link, result = link._replace(target=OUTPUT, target_slot=0), link.number
        kept.append(link_as_json(link))
    return kept, inputs, result
