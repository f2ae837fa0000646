"""Make the pack and ComfyUI importable from tests, benchmarks and the demo.

The pack's folder must not be on `sys.path`: its `nodes/` would hide ComfyUI's `nodes.py`. So the
pack is loaded under the name `instance_edit`, and all of the repository is reached through it:
`from instance_edit.attention.mice import mice_bias`, `from instance_edit.tools.images import ...`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
PACK = "instance_edit"
DEFAULT_COMFYUI = ROOT / ".comfyui"


class ComfyUIMissingError(RuntimeError):
    """There is no ComfyUI to import; the message says how to get one."""


def drop_root_from_path() -> None:
    """Take the pack's folder, under whatever spelling, off `sys.path`."""
    sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != ROOT]


def load_pack() -> ModuleType:
    """The pack as the package `instance_edit`, loaded once, whatever its folder is called."""
    drop_root_from_path()
    if PACK in sys.modules:
        return sys.modules[PACK]
    spec = importlib.util.spec_from_file_location(
        PACK, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACK] = module
    spec.loader.exec_module(module)
    return module


def hides_a_module(folder: str, comfyui: Path = DEFAULT_COMFYUI) -> bool:
    """Whether a checkout of this name hides a module that ComfyUI imports: pytest names the tests'
    package after it. Nothing imports its ``main``."""
    modules = any((comfyui / folder).glob("*.py")) or (comfyui / f"{folder}.py").exists()
    return modules and folder != "main"


def find_comfyui() -> Path:
    """The ComfyUI to use: `COMFYUI_PATH` when set, else the one that `make setup` fetched."""
    chosen = os.environ.get("COMFYUI_PATH")
    path = Path(chosen).expanduser().resolve() if chosen else DEFAULT_COMFYUI
    if not (path / "main.py").is_file() or not (path / "comfy").is_dir():
        remedy = (
            "correct or unset COMFYUI_PATH" if chosen else "run `make setup`, or set COMFYUI_PATH"
        )
        raise ComfyUIMissingError(f"no ComfyUI in {path}: {remedy}.")
    return path


def add_comfyui_to_path(arguments: Sequence[str] = ("--cpu",), comfyui: Path | None = None) -> Path:
    """Put ComfyUI first on `sys.path` and start its argument parser with `arguments`.

    Its modules read the command line when first imported, so this comes before any of them.
    """
    path = comfyui or find_comfyui()
    drop_root_from_path()
    if str(path) not in sys.path:
        sys.path.insert(0, str(path))
    load_pack()
    start = importlib.import_module(f"{PACK}.host.start")
    start.parse_arguments(path, arguments)
    return path
