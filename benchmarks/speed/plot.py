"""A picture of the speed figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

TIMES = (
    "ours/unpatched",
    "all keys/unpatched",
    "dense/unpatched",
    "fold/unpatched",
    "flex/unpatched",
)
SAVINGS = ("turns/ours", "multidiffusion/ours")


def plot_speed(results: Mapping[str, Any], path: Path) -> Path:
    """Draw attention time against N, and how much faster one pass is than many."""
    from matplotlib.figure import Figure  # here, so that measuring needs torch and einops only

    figure = Figure(figsize=(10, 4))
    left, right = figure.subplots(1, 2)
    for axes, names in ((left, TIMES), (right, SAVINGS)):
        for name in (name for name in names if name in results):
            counts = [int(n) for n in results[name]]
            axes.plot(counts, list(results[name].values()), marker="o", label=name)
        axes.set_xscale("symlog")
        axes.set_xlabel("instances N")
        axes.legend()
        axes.grid(alpha=0.3)
    left.axhline(1, color="black", linewidth=0.8)
    left.set_ylabel("time of one attention, unpatched = 1")
    right.set_yscale("log")
    right.set_ylabel("times faster than one edit at a time")
    figure.suptitle(results["layout"])
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    return path
