"""Write `tests/node_snapshot.json`: what saved workflows depend on, by node id.

`python -m tools.run tools.make_snapshot`, after adding a node, an input or an output. Taking one
away breaks saved workflows: a test compares.
"""

from __future__ import annotations

import json
from typing import Any

from .load_pack import ROOT, add_comfyui_to_path, load_pack

SNAPSHOT = ROOT / "tests" / "node_snapshot.json"


def interface(nodes: dict[str, type]) -> dict[str, dict[str, Any]]:
    """Display name, inputs and outputs of every node."""
    infos = {name: as_dict(node.GET_NODE_INFO_V1()) for name, node in nodes.items()}
    return {
        name: {
            "display_name": info["display_name"],
            "inputs": sorted(set(_inputs("", info["input"]))),
            "outputs": list(info["output"]),
        }
        for name, info in infos.items()
    }


def as_dict(info: Any) -> dict[str, Any]:
    """What `GET_NODE_INFO_V1` gives, which some releases of ComfyUI wrap in an object."""
    return info if isinstance(info, dict) else vars(info)


def _inputs(prefix: str, parts: dict[str, Any]) -> list[str]:
    """Names of all inputs, those of dynamic options as `method.kernel_size`."""
    found: list[str] = []
    for part in ("required", "optional"):
        for name, spec in parts.get(part, {}).items():
            found.append(prefix + name)
            for option in spec[1].get("options", []) if len(spec) > 1 else []:
                if isinstance(option, dict) and "inputs" in option:
                    found += _inputs(f"{prefix}{name}.", option["inputs"])
    return found


def main() -> None:
    add_comfyui_to_path()
    from ..host.core_nodes import extension_nodes

    nodes = extension_nodes(load_pack().comfy_entrypoint)
    SNAPSHOT.write_text(json.dumps(interface(nodes), indent=1) + "\n")


if __name__ == "__main__":
    main()
