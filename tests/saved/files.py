"""Where the saved workflows of every release lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from instance_edit.tools.load_pack import ROOT

FOLDER = ROOT / "tests" / "saved"
GRAPHS = sorted([*FOLDER.glob("*/ui/*.json"), *FOLDER.glob("*/subgraphs/*.json")])
PROMPTS = sorted(FOLDER.glob("*/api/*.json"))
OBJECT_INFOS = sorted(FOLDER.glob("*/object_info.json"))


def read(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def recorded_prompt(graph: Path) -> Path:
    """The prompt that the front ends made of a graph when it was saved."""
    return graph.parents[1] / "prompts" / graph.name


def label(path: Path) -> str:
    """How a test names a saved file: `0.1.0/first_edit`."""
    return f"{path.parents[1].name}/{path.stem}"
