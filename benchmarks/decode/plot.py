"""A picture of the figures of Decode Regions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

LINES = {"1": "--", "8": "-"}


def plot_decode(figures: Mapping[str, Any], path: Path) -> Path:
    """Draw time against the share touched, and closeness against the halo."""
    from matplotlib.figure import Figure  # here, so that measuring needs torch alone

    figure = Figure(figsize=(11, 4.4))
    left, right = figure.subplots(1, 2)
    for index, (name, job) in enumerate(figures.items()):
        for number in job["time"]:
            line = LINES[number]
            style = {"color": f"C{index}", "linestyle": line, "marker": "o", "markersize": 4}
            ratios = job["time"][number]["time ratio"]
            left.plot([100 * float(s) for s in ratios], list(ratios.values()), **style)
            gaps = job["difference"][number]
            means = {
                way.split(", ")[0]: gap["mean"] for way, gap in gaps.items() if "matched" in way
            }
            label = name if number == "8" or len(job["time"]) == 1 else None
            right.plot(list(means), list(means.values()), label=label, **style)
    left.axhline(1, color="black", linewidth=0.8)
    left.set_xlabel("share of the picture touched, % (dashed: N = 1, solid: N = 8)")
    left.set_ylabel("time, VAE Decode + Composite Background = 1")
    right.set_yscale("log")
    right.set_xlabel("halo, at 10 % touched, matched")
    right.set_ylabel("mean difference inside the regions, of 255")
    right.legend(fontsize=7)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    return path
