"""The pure rooms need torch and einops only; a fresh interpreter proves it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("pictures", "prompts", "attention", "mask_ops", "sampling")

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


@pytest.mark.parametrize("room", ROOMS)
def test_a_pure_room_imports_nothing_but_torch_and_einops(room: str) -> None:
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
