"""The walls of docs/architecture.md: rooms use rooms below; pure rooms stay pure; ComfyUI comes in
by host alone.

The floors hold every room; of tests/, which may use them all, only ComfyUI's doors are watched.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from instance_edit.tests.pages import page, rooms, tracked
from instance_edit.tools.load_pack import ROOT

FLOORS = (
    *("benchmarks", "tools", "nodes", "host", "pictures", "prompts", "attention", "mask_ops"),
    *("sampling", "evaluation", "demo"),
)
"""From the top."""
PURE = ("pictures", "prompts", "attention", "mask_ops", "sampling")
WITHOUT_CODE = {"assets", "docs", "locales", "subgraphs", "web", "workflows"}
COMFYUI = {
    *("comfy", "comfy_api", "comfy_execution", "comfy_extras", "execution", "folder_paths"),
    *("latent_preview", "node_helpers", "nodes", "server"),
}
"""Modules that only an interpreter with ComfyUI on its path can import."""
DOORS = {
    "nodes": {"comfy_api"},
    "host": COMFYUI,
    "tests/with_comfyui/comfyui.py": COMFYUI,
    "tests/with_comfyui/stand_in_nodes.py": COMFYUI,  # runs in ComfyUI, as a pack of nodes
}
BY_NAME = {"import_module", "__import__", "find_spec"}

IMPORT_ALL = """
import importlib, importlib.util, pkgutil, sys
sys.path = [path for path in sys.path if path not in ("", {root!r})]
import torch, einops, PIL.Image, PIL.ImageDraw, PIL.ImageFont
allowed = set(sys.modules) | set(sys.stdlib_module_names)
spec = importlib.util.spec_from_file_location(
    "instance_edit", {root!r} + "/__init__.py", submodule_search_locations=[{root!r}]
)
sys.modules["instance_edit"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["instance_edit"])
room = importlib.import_module("instance_edit.{room}")
prefix = room.__name__ + "."
names = [module.name for module in pkgutil.walk_packages(room.__path__, prefix)]
for name in names:
    importlib.import_module(name)
foreign = {{name.partition(".")[0] for name in set(sys.modules) - allowed}} - {{"instance_edit"}}
tops = {{name.partition(".")[0] for name in allowed}}
sys.stdout.write(f"{{len(names)}} {{sorted(foreign - tops)}}")
"""


def imports(code: str, path: str) -> Iterator[tuple[str, bool]]:
    """Dotted names that a file imports, and whether they are the pack's own (from its root).

    Those inside functions and those given to importlib as text count as well.
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, False) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")
            above = Path(path).parts[: -node.level] if node.level else ()
            full = ".".join([*above, *filter(None, module)])
            own = bool(node.level) or module[0] == "instance_edit"
            yield full.removeprefix("instance_edit."), own
        elif isinstance(node, ast.Call) and node.args and called(node) in BY_NAME:
            name = start_of_text(node.args[0])
            yield name.removeprefix("instance_edit."), name.startswith("instance_edit.")


def called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def start_of_text(node: ast.expr) -> str:
    """What a text or an f-string begins with; "" if that is not written out."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def comfyui_imports(path: str) -> list[str]:
    """What a file imports of ComfyUI and may not."""
    allowed = DOORS.get(path, DOORS.get(path.split("/")[0], set()))
    return [
        f"{path} imports {name}"
        for name, own in imports(page(path), path)
        if not own and name.split(".")[0] in COMFYUI - allowed
    ]


@pytest.mark.parametrize("room", FLOORS)
def test_a_room_uses_only_rooms_below_it(room: str) -> None:
    above = set(FLOORS[: FLOORS.index(room)])
    files = tracked(f"{room}/*.py")
    assert files
    upward = {
        f"{path} imports {name}"
        for path in files
        for name, own in imports(page(path), path)
        if own and name.split(".")[0] in {*above, "tests"}
    }
    assert upward == set()


@pytest.mark.parametrize("room", [*FLOORS, "tests"])
def test_only_host_imports_comfyui_and_nodes_its_api(room: str) -> None:
    assert [found for path in tracked(f"{room}/*.py") for found in comfyui_imports(path)] == []


def test_an_import_is_seen_wherever_it_stands() -> None:
    code = (
        "import torch.nn\nfrom ..host.patch import x\n"
        "def f():\n    from comfy.sd import CLIP\n    importlib.import_module('nodes')\n"
        "    import_module(f'comfy_extras.{name}')\n    import_module(name)\n"
    )
    assert set(imports(code, "nodes/methods/face.py")) == {
        ("torch.nn", False),
        ("nodes.host.patch", True),
        ("comfy.sd", False),
        ("nodes", False),
        ("comfy_extras.", False),
        ("", False),
    }
    assert ("host.patch", True) in set(imports("from ..host.patch import x", "nodes/face.py"))


def test_every_room_has_its_floor() -> None:
    assert {room for room in rooms() if not room.startswith(".")} == {
        *FLOORS,
        *WITHOUT_CODE,
        "tests",
    }


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_imports_nothing_but_torch_einops_and_pillow(room: str) -> None:
    code = IMPORT_ALL.format(root=str(ROOT), room=room)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    count, foreign = done.stdout.split(" ", 1)
    assert int(count) > 0
    assert foreign == "[]"


def test_the_pack_itself_imports_without_comfyui() -> None:
    code = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('pack', {str(ROOT / '__init__.py')!r}, "
        f"submodule_search_locations=[{str(ROOT)!r}])\n"
        "pack = importlib.util.module_from_spec(spec); spec.loader.exec_module(pack)\n"
        "assert 'torch' not in sys.modules and 'comfy_api' not in sys.modules\n"
        "assert pack.WEB_DIRECTORY == './web' and callable(pack.comfy_entrypoint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
