"""Nodes by their id: the one file here that imports ComfyUI (`add_comfyui_to_path` comes first)."""

from __future__ import annotations

import asyncio
from typing import Any

import comfy.utils
import torch
from comfy_extras.nodes_edit_model import ReferenceLatent

import nodes as core_nodes

from ..tools.load_pack import load_pack
from .studio import RunNode, Studio


def node_runner() -> RunNode:
    """A function that runs one of core's or the pack's nodes; progress bars are switched off.

    ``run("KSampler", model=.., seed=.., ..)`` returns the node's outputs as a tuple. The caller
    gives every required input; KeyError names an unknown node.
    """
    comfy.utils.set_progress_bar_enabled(False)
    table: dict[str, type] = {**core_nodes.NODE_CLASS_MAPPINGS, **asyncio.run(_pack_nodes())}
    table["ReferenceLatent"] = ReferenceLatent

    @torch.inference_mode()
    def run(name: str, **inputs: Any) -> tuple[Any, ...]:
        node: Any = table[name]
        if hasattr(node, "EXECUTE_NORMALIZED"):
            return node.EXECUTE_NORMALIZED(**inputs).args
        return getattr(node(), node.FUNCTION)(**inputs)

    return run


def demo_studio(steps: int = 4) -> Studio:
    """The shipped miniature behind the pack's and core's nodes."""
    run = node_runner()
    model, clip, vae = run("InstanceEditDemoModelLoader")
    return Studio(run, model, clip, vae, steps)


async def _pack_nodes() -> dict[str, type]:
    extension = await load_pack().comfy_entrypoint()
    return {node.GET_SCHEMA().node_id: node for node in await extension.get_node_list()}
