"""Nodes run in this process by their id, without a server: for benchmarks and tests."""

import asyncio
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import comfy.utils

Nodes = dict[str, type]


def core_nodes(*extras: str) -> Nodes:
    """ComfyUI's own nodes by their id.

    Args:
        extras: modules of ``comfy_extras`` whose nodes are wanted too, e.g. ``"nodes_flux"``.
    """
    core: Any = importlib.import_module("nodes")  # ComfyUI's, not the room of that name
    found: Nodes = dict(core.NODE_CLASS_MAPPINGS)
    for name in extras:
        module = importlib.import_module(f"comfy_extras.{name}")
        if hasattr(module, "comfy_entrypoint"):
            found |= extension_nodes(module.comfy_entrypoint)
        else:
            found |= module.NODE_CLASS_MAPPINGS
    return found


def extra_node(module: str, name: str) -> type:
    """One of core's nodes by the name of its class, also while a server runs nodes.

    Args:
        module: of ``comfy_extras`` that has it.
    """
    return getattr(importlib.import_module(f"comfy_extras.{module}"), name)


def extension_nodes(entrypoint: Callable[[], Any]) -> Nodes:
    """The nodes that a ``comfy_entrypoint`` offers, by their id."""

    async def load() -> list[Any]:
        extension = entrypoint()
        if inspect.isawaitable(extension):
            extension = await extension
        await extension.on_load()
        return await extension.get_node_list()

    return {node.GET_SCHEMA().node_id: node for node in asyncio.run(load())}


def run_node(node: Any, **inputs: Any) -> tuple[Any, ...]:
    """A node's outputs; the caller gives every required input."""
    if hasattr(node, "EXECUTE_NORMALIZED"):
        return node.EXECUTE_NORMALIZED(**inputs).args
    return getattr(node(), node.FUNCTION)(**inputs)


def hide_progress() -> None:
    """Switch ComfyUI's progress bars off."""
    comfy.utils.set_progress_bar_enabled(False)
