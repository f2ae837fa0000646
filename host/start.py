"""ComfyUI's command line, for programs that import it without its `main.py`."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import comfy.options


def parse_arguments(comfyui: Path, arguments: Sequence[str]) -> None:
    """Let ComfyUI read these arguments as its command line.

    Its modules do so when they are first imported: call this before any other of them.
    """
    comfy.options.enable_args_parsing()
    own, sys.argv = sys.argv, [str(comfyui / "main.py"), *arguments]
    try:
        importlib.import_module("comfy.cli_args")  # reads sys.argv
    finally:
        sys.argv = own
