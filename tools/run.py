"""Run a module of this repository as a program inside the package `instance_edit`.

`python -m tools.run tools.demo.run_demo` runs `instance_edit.tools.demo.run_demo`, whose relative
imports reach every room, with the pack's folder off `sys.path`.
"""

from __future__ import annotations

import runpy
import sys

from .load_pack import PACK, load_pack

if __name__ == "__main__":
    load_pack()
    module, *sys.argv[1:] = sys.argv[1:]
    runpy.run_module(f"{PACK}.{module}", run_name="__main__", alter_sys=True)
