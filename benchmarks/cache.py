"""Where finished results are kept: in `build/`, as long as what made them stays the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ..tools.load_pack import ROOT

BUILD = ROOT / "build"
WEIGHTS = ROOT / "demo" / "weights" / "demo.safetensors"
JUDGES = ("demo", "evaluation", "benchmarks")
EDITORS = (
    *("attention", "attention/execute", "host", "host/families", "mask_ops"),
    *("nodes", "nodes/inputs", "nodes/methods", "prompts", "sampling"),
)
"""What edits: for results of whole editings."""


def cache_folder(name: str, folders: Sequence[str], settings: str) -> Path:
    """A folder of its own for these settings, the demo's weights and the code of these folders.

    Args:
        folders: of the repository; those of the scenes and metrics are added.
    """
    digest = hashlib.sha256(settings.encode())
    digest.update(WEIGHTS.read_bytes())
    for folder in (*JUDGES, *folders):
        files = sorted((ROOT / folder).glob("*.py"))
        assert files, f"no code in {folder}"
        digest.update(b"".join(path.read_bytes() for path in files))
    return BUILD / name / digest.hexdigest()[:12]
