"""Writes results/touched.json and touched.png from what `forward` and `quality` have kept.

    python -m tools.run benchmarks.touched.report

`forward_ratio`, {method: {share: {N: ratio}}}, and `floor`, {share: ratio}, are those of the first
plan; all others stand under `settings` by their names. `floor` is that of "near regions" at N = 8;
`settings` has both. Turns and MultiDiffusion are N and N + 1 unpatched forwards by definition.
What was not measured anew stays as it was; `dates` says when each half was.
"""

from __future__ import annotations

import copy
import json
import statistics
from collections.abc import Mapping
from datetime import date
from itertools import chain
from typing import Any, get_args

import torch

from ...attention.skip_background import Context
from ...tools.load_pack import add_comfyui_to_path
from ..record import RESULTS, median_ratio, write_results
from .forward import MAIN, Figures, Plan, forward_folder, kept_figures
from .plot import plot_touched
from .quality import SCENES, figures

Row = dict[str, dict[str, dict[str, float]]]
CONTEXTS = get_args(Context)
SKIPPING: dict[str, str] = {context: f"skipping, {context}" for context in CONTEXTS}
FLOORS: dict[str, str] = {context: f"floor, {context}" for context in CONTEXTS}
NEAR = "near regions"


def ratios(plan: Plan, measured: Figures) -> dict[str, dict[str, float]]:
    """Every call's time over that of the unpatched one in its round: {method: {share: ratio}}."""
    unpatched, shares = measured["unpatched"], list(measured["touched"])
    ((beside, dense),) = measured["dense"].items()
    masked, turns = median_ratio(dense, unpatched[beside]), float(plan.instances)
    alike = {"dense": masked, "turns": turns, "multidiffusion": turns + 1}
    timed = ("ours", *SKIPPING.values(), *FLOORS.values())
    found: dict[str, dict[str, float]] = {
        name: {s: round(median_ratio(measured[name][s], unpatched[s]), 4) for s in shares}
        for name in timed
    }
    return found | {name: dict.fromkeys(shares, round(r, 4)) for name, r in alike.items()}


def gathered(kept: Mapping[Plan, Figures], known: Mapping[str, Any]) -> dict[str, Any]:
    """{plan's name: {"seconds", "touched", "forward_ratio", "floor"}}, all N of a name together,
    added to those of earlier runs."""
    settings = copy.deepcopy(dict(known))
    for plan, measured in kept.items():
        entry = settings.setdefault(
            plan.name, {"seconds, unpatched": {}, "touched": {}, "forward_ratio": {}, "floor": {}}
        )
        number = str(plan.instances)
        seconds = statistics.median(chain(*measured["unpatched"].values()))
        entry["seconds, unpatched"][number] = round(seconds, 3)
        entry["touched"].setdefault(number, {}).update(measured["touched"])
        for name, by_share in ratios(plan, measured).items():
            kind = "floor" if name in FLOORS.values() else "forward_ratio"
            for share, ratio in by_share.items():
                entry[kind].setdefault(name, {}).setdefault(share, {})[number] = ratio
    return settings


def over_floor(entry: Mapping[str, Any], context: Context) -> Row:
    """Skipping over its own floor: {share: {N: ratio}}."""
    skipping, floor = entry["forward_ratio"][SKIPPING[context]], entry["floor"][FLOORS[context]]
    return {
        share: {number: round(ratio / floor[share][number], 4) for number, ratio in by.items()}
        for share, by in skipping.items()
    }


def main() -> None:
    add_comfyui_to_path(("--cpu",))  # the methods of the quality figures are nodes
    known = json.loads((RESULTS / "touched.json").read_text())
    kept, quality = kept_figures(forward_folder()), figures(SCENES)
    settings = gathered(kept, known["settings"])
    new = [name for name, half in (("forward", kept), ("quality", quality)) if half]
    main_entry = settings[MAIN.name]
    near = main_entry["floor"][FLOORS[NEAR]]
    results = {
        "setting": MAIN.name,
        "forward_ratio": main_entry["forward_ratio"],
        "floor": {share: by[str(MAIN.instances)] for share, by in near.items()},
        "over_floor": {context: over_floor(main_entry, context) for context in CONTEXTS},
        "settings": settings,
        "quality": quality or known["quality"],
        "dates": known["dates"] | dict.fromkeys(new, date.today().isoformat()),
    }
    torch.set_num_threads(1)
    print(f"written to {write_results('touched', torch.device('cpu'), results)}")
    print(f"and {plot_touched(results, RESULTS / 'touched.png')}")


if __name__ == "__main__":
    main()
