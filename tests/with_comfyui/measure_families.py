"""What instances see of each other, in every family and in every way to give references.

Writes `benchmarks/results/families.json`:
`python -m tools.run tests.with_comfyui.measure_families [NAME ..]`
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from instance_edit.tools.load_pack import ROOT, add_comfyui_to_path, load_pack

RESULTS = ROOT / "benchmarks" / "results" / "families.json"
Measured = dict[str, Any]


class Configuration(NamedTuple):
    """How one edit is set up.

    Attributes:
        references: (height, width) of each, in latent pixels.
        method: how they are looked at, as core's node names it; None: the model's own way.
        size: of the latent.
        cfg: above 1 with a negative that has the same instances.
    """

    references: tuple[tuple[int, int], ...] = ()
    method: str | None = None
    size: tuple[int, int] = (8, 8)
    cfg: float = 1.0


TWO = ((8, 12), (6, 10))
WAYS: Mapping[str, tuple[str, ...]] = {
    "flux1": ("offset", "index", "uxo/uno"),
    "flux2": ("offset", "index", "index_timestep_zero", "uxo/uno"),
    "longcat": ("offset", "index", "uxo/uno"),
    "qwen": ("offset", "index", "index_timestep_zero", "negative_index"),
    "krea2": ("index", "index_timestep_zero"),
}
"""Ways to look at references, by miniature; the others have one."""


def configurations(name: str, edits: bool, own: str | None) -> dict[str, Configuration]:
    """Every configuration of a miniature by its name.

    Args:
        own: the way in which it must be told to look at references.
    """
    found = {"no reference": Configuration(), "odd size": Configuration(size=(17, 13))}
    if edits:
        found["one reference"] = Configuration(TWO[:1], own)
        found["two references"] = Configuration(TWO, own)
        found["odd size, two references"] = Configuration(TWO, own, size=(17, 13))
        for way in WAYS.get(name, ()):
            found[f"two references, {way}"] = Configuration(TWO, way)
    references = TWO[:1] if edits else ()
    found["CFG 3 with negative"] = Configuration(references, own, cfg=3.0)
    return found


def measure(name: str, how: Configuration, nodes: dict[str, type], probe: bool = True) -> Measured:
    """What ``families.json`` holds for one configuration."""
    from instance_edit.tests.with_comfyui.isolation import Isolation

    return Isolation(nodes, name, how).measured(probe)


def main(names: list[str]) -> None:
    add_comfyui_to_path()
    import torch

    from instance_edit.host.core_nodes import extension_nodes, hide_progress
    from instance_edit.tests.with_comfyui.tiny_families import EDITING, FAMILIES, METHODS

    hide_progress()
    nodes = extension_nodes(load_pack().comfy_entrypoint)
    log = logging.getLogger("families")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in names or FAMILIES:
        every = configurations(name, name in EDITING, METHODS.get(name))
        with torch.inference_mode():
            results[name] = {one: measure(name, how, nodes) for one, how in every.items()}
        log.info("%s: %s", name, results[name])
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    main(sys.argv[1:])
