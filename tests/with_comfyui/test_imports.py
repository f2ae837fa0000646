"""Every module of every room imports, and what it asks of ComfyUI comes in by the seam."""

from __future__ import annotations

import json
import subprocess
import sys

from instance_edit.tests.test_walls import COMFYUI, FLOORS
from instance_edit.tools.load_pack import ROOT

PROGRAMS = {"tools.setup_comfyui", "tools.setup_lock", "tools.setup_venv"}  # run on bare Python
RECORD = """
import builtins, importlib, json, pkgutil, sys
sys.path.insert(0, "tools")
from load_pack import load_pack
sys.path.remove("tools")
load_pack()
rooms, comfyui, left_out = json.loads(sys.argv[1])
asked, original = {}, builtins.__import__

def recording(name, globals=None, locals=None, fromlist=(), level=0):
    by = (globals or {}).get("__name__", "")
    if not level and by.startswith("instance_edit.") and name.split(".")[0] in comfyui:
        asked.setdefault(name.split(".")[0], set()).add(by.split(".")[1])
    return original(name, globals, locals, fromlist, level)

builtins.__import__ = recording
from instance_edit.tools.load_pack import add_comfyui_to_path
add_comfyui_to_path()
count = 0
for room in rooms:
    package = importlib.import_module(f"instance_edit.{room}")
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if module.name.removeprefix("instance_edit.") not in left_out:
            importlib.import_module(module.name)
            count += 1
print(json.dumps([count, {name: sorted(by) for name, by in asked.items()}]))
"""


def test_every_module_imports_and_only_host_asks_for_comfyui() -> None:
    told = json.dumps([FLOORS, sorted(COMFYUI), sorted(PROGRAMS)])
    done = subprocess.run(
        [sys.executable, "-c", RECORD, told], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    count, asked = json.loads(done.stdout.splitlines()[-1])
    assert count > 100
    assert asked.pop("comfy_api") == ["host", "nodes"]
    assert asked and all(rooms == ["host"] for rooms in asked.values()), asked
