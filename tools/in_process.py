"""ComfyUI's and the pack's nodes in this process (`add_comfyui_to_path` comes first)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..host.core_nodes import core_nodes, extension_nodes, hide_progress, run_node
from .demo.loaders import LOADERS, Loaders
from .load_pack import load_pack

RunNode = Callable[..., tuple[Any, ...]]
EXTRAS = ("nodes_edit_model", "nodes_custom_sampler", "nodes_flux")


def node_runner(guard: Callable[[], Any] = torch.inference_mode) -> RunNode:
    """A function that runs one of core's or the pack's nodes; progress bars are switched off.

    ``run("KSampler", model=.., seed=.., ..)`` returns the node's outputs as a tuple. The caller
    gives every required input; KeyError names an unknown node.

    Args:
        guard: what runs nodes without gradients; ``torch.no_grad`` where training follows.
    """
    hide_progress()
    table = core_nodes(*EXTRAS) | extension_nodes(load_pack().comfy_entrypoint)

    @guard()
    def run(name: str, /, **inputs: Any) -> tuple[Any, ...]:
        return run_node(table[name], **inputs)

    return run


def load_weights(run: RunNode, loaders: Loaders) -> tuple[Any, Any, Any]:
    """MODEL, CLIP and VAE: the given files, or the miniature that comes with the pack."""
    if not loaders.nodes:
        model, clip, vae = run("InstanceEditDemoModelLoader")
        return model, clip, vae
    nodes = [loaders.nodes[name] for name in LOADERS]
    model, clip, vae = (run(node["class_type"], **node["inputs"])[0] for node in nodes)
    return model, clip, vae
