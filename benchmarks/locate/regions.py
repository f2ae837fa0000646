"""What IID, FoI and velocity contrast find on the demo model, and edits on what they found.

    python -m tools.run benchmarks.locate.regions [--instances 3] [--scenes 60] [--steps 4] ..

Writes results/regions.json; `benchmarks.pages` puts it into regions.md. Which block and step read
best is chosen on other scenes than those that are edited.
"""

from __future__ import annotations

import argparse
import json
import tempfile

from torch import device

from ...tools.load_pack import add_comfyui_to_path
from ..record import write_results
from .figures import summary


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=3, help="per scene; default 3")
    parser.add_argument("--scenes", type=int, default=60, help="read; default 60")
    parser.add_argument("--edit-scenes", type=int, default=60, help="edited; default 60")
    parser.add_argument("--steps", type=int, default=4, help="Euler steps; default 4")
    parser.add_argument("--read", type=int, default=3, help="first steps that are read; default 3")
    parser.add_argument("--name", default="regions", help="of the result files")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="instance-edit-regions-") as base:
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        from ..in_process import demo_studio
        from .measure import measure_edits, measure_masks

        studio = demo_studio(arguments.steps)
        means = measure_masks(studio, arguments.instances, arguments.scenes, arguments.read)
        figures = summary(means)
        print(json.dumps(figures["best"], indent=1), flush=True)
        if arguments.edit_scenes:
            figures["methods"] = measure_edits(
                studio, arguments.instances, means["touched"], arguments.edit_scenes
            )
    settings = {name: getattr(arguments, name) for name in ("instances", "steps", "scenes")}
    write_results(arguments.name, device("cpu"), {**figures, "settings": settings})


if __name__ == "__main__":
    main()
