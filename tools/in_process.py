"""ComfyUI's and the pack's nodes in this process (`add_comfyui_to_path` comes first)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..host.core_nodes import core_nodes, extension_nodes, hide_progress, run_node
from .load_pack import load_pack

EXTRAS = ("nodes_edit_model", "nodes_custom_sampler", "nodes_flux")


def node_runner() -> Callable[..., tuple[Any, ...]]:
    """A function that runs one of core's or the pack's nodes; progress bars are switched off.

    ``run("KSampler", model=.., seed=.., ..)`` returns the node's outputs as a tuple. The caller
    gives every required input; KeyError names an unknown node.
    """
    hide_progress()
    table = core_nodes(*EXTRAS) | extension_nodes(load_pack().comfy_entrypoint)

    @torch.inference_mode()
    def run(name: str, /, **inputs: Any) -> tuple[Any, ...]:
        return run_node(table[name], **inputs)

    return run
