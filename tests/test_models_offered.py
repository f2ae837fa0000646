"""Every model that a workflow names is offered for download, in its loader's folder."""

from __future__ import annotations

import json
from typing import Any

import pytest

from instance_edit.tools.load_pack import ROOT

NAMES = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
FOLDERS = {
    "UNETLoader": "diffusion_models",
    "CLIPLoader": "text_encoders",
    "DualCLIPLoader": "text_encoders",
    "VAELoader": "vae",
    "CheckpointLoaderSimple": "checkpoints",
    "LoraLoaderModelOnly": "loras",
}
FILES = (".safetensors", ".pt", ".gguf", ".ckpt")
OWN = "your_"
"""How a file is called that a person brings: a LoRA, a ControlNet."""


def named(node: dict[str, Any]) -> set[str]:
    """The files that a node's widgets choose."""
    values = node.get("widgets_values") or []
    chosen = [value for value in values if isinstance(value, str) and value.endswith(FILES)]
    return {value for value in chosen if not value.startswith(OWN)}


@pytest.mark.parametrize("name", NAMES)
def test_the_front_end_offers_every_model_of_a_workflow(name: str) -> None:
    graph = json.loads((ROOT / "workflows" / f"{name}.json").read_text(encoding="utf-8"))
    for node in graph["nodes"]:
        offered = node["properties"].get("models", [])
        assert {model["name"] for model in offered} == named(node), node["type"]
        for model in offered:
            assert model["directory"] == FOLDERS[node["type"]]
            assert model["url"].startswith("https://huggingface.co/")
            assert model["url"].endswith(model["name"])
