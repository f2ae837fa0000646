"""The floors of docs/architecture.md: rooms use rooms below; ComfyUI comes in by host alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from instance_edit.tests.pages import page, rooms, tracked

FLOORS = (
    *("benchmarks", "tools", "nodes", "host", "pictures", "prompts", "attention", "mask_ops"),
    *("sampling", "evaluation", "demo"),
)
"""From the top."""
WITHOUT_CODE = {"assets", "docs", "locales", "subgraphs", "web", "workflows"}
COMFYUI = {
    *("comfy", "comfy_api", "comfy_execution", "comfy_extras", "execution", "folder_paths"),
    *("latent_preview", "node_helpers", "nodes", "server"),
}
"""Modules that only an interpreter with ComfyUI on its path can import."""


def imports(path: str) -> Iterator[tuple[str, bool]]:
    """Dotted names that a file imports, and whether they are the pack's own (from its root)."""
    for node in ast.walk(ast.parse(page(path))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")
            above = Path(path).parts[: -node.level] if node.level else ()
            full = ".".join([*above, *filter(None, module)])
            own = bool(node.level) or module[0] == "instance_edit"
            yield full.removeprefix("instance_edit."), own


@pytest.mark.parametrize("room", FLOORS)
def test_a_room_uses_only_rooms_below_it(room: str) -> None:
    above = set(FLOORS[: FLOORS.index(room)])
    files = tracked(f"{room}/*.py")
    assert files
    upward = {
        f"{path} imports {name}"
        for path in files
        for name, own in imports(path)
        if own and name.split(".")[0] in above
    }
    assert upward == set()


def test_only_host_imports_comfyui_and_nodes_its_api() -> None:
    allowed = {"nodes": {"comfy_api"}, "host": COMFYUI}
    found = {
        f"{path} imports {name}"
        for room in FLOORS
        for path in tracked(f"{room}/*.py")
        for name, own in imports(path)
        if not own and name.split(".")[0] in COMFYUI - allowed.get(room, set())
    }
    assert found == set()


def test_every_room_has_its_floor() -> None:
    assert {room for room in rooms() if not room.startswith(".")} == {
        *FLOORS,
        *WITHOUT_CODE,
        "tests",
    }
