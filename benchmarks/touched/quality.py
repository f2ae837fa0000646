"""Edit success, leakage and the background's error on the miniature, whole and skipping.

    python -m tools.run benchmarks.touched.quality [--instances 1,3] [--scenes 100]

Every (method, way, N) is kept under `build/touched/` and reused; two processes may share the work
by their N. ComfyUI's nodes run as in `make bench-quality`, on the same scenes.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from ...tools.load_pack import add_comfyui_to_path
from ..cache import EDITORS, cache_folder
from ..leak.jobs import finished, missing_jobs, run_jobs, tabulate

INSTANCES = (1, 3, 5, 9)
STEPS, SCENES = 4, 100
WAYS: dict[str, dict[str, Any] | None] = {
    "whole": None,
    **{
        f"margin {margin}{said}": {"margin": margin, "context": context}
        for context, said in (("whole", ""), ("near regions", ", near regions"))
        for margin in (0, 1, 2)
    },
}
"""Per way the inputs of Skip Background."""
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "mice": ("mice", {}),
    "idattn_har_dis_har": ("idattn", {"early": "har", "middle": "dis", "late": "har"}),
    "idattn_dis_dis_dis": ("idattn", {"early": "dis", "middle": "dis", "late": "dis"}),
}


def quality_folder(scenes: int) -> Path:
    """Where results are kept."""
    folders = (*EDITORS, "benchmarks/touched", "benchmarks/leak", "demo/crowd")
    return cache_folder("touched", folders, f"quality {STEPS} {scenes}")


def ways() -> dict[str, Any]:
    """Every method in every way, by "method|way"."""
    from ...nodes.methods import idattn, mice
    from ..leak.methods import compared

    faces = {"mice": mice.METHOD, "idattn": idattn.METHOD}

    def skipping(inputs: dict[str, Any] | None) -> Any:
        if inputs is None:
            return None
        return lambda studio, model: studio.run(
            "InstanceEditSkipBackground", model=model, **inputs
        )[0]

    return {
        f"{name}|{way}": compared(faces[face], changes, patch=skipping(inputs))
        for name, (face, changes) in METHODS.items()
        for way, inputs in WAYS.items()
    }


def figures(scenes: int) -> dict[str, dict[str, dict[str, Any]]]:
    """{method: {N: {way: cell}}} of everything that is finished."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    methods = ways()
    jobs = [(name, str(n)) for n in INSTANCES for name in methods]
    results = finished(jobs, quality_folder(scenes))
    for name, by_count in tabulate(results, methods).items():
        method, _, way = name.partition("|")
        for count, cell in by_count.items():
            found.setdefault(method, {}).setdefault(count, {})[way] = cell
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", default=",".join(map(str, INSTANCES)))
    parser.add_argument("--scenes", type=int, default=SCENES, help="per N; default 100")
    arguments = parser.parse_args()
    folder = quality_folder(arguments.scenes)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="instance-edit-touched-") as base:
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        from ..in_process import demo_studio

        methods = ways()
        jobs = [(name, n) for n in arguments.instances.split(",") for name in methods]
        run_jobs(missing_jobs(jobs, folder), folder, demo_studio(STEPS), arguments.scenes, methods)


if __name__ == "__main__":
    main()
