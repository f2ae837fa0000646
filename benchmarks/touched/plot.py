"""A picture of what a forward costs against the share of the picture that is touched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

LINES = {
    "ours": ("Instance Attention, the whole picture", "C0"),
    "skipping, whole": ("Skip Background, the whole reference kept", "C1"),
    "skipping, near regions": ("Skip Background, both cut", "C2"),
    "dense": ("a dense bias", "C3"),
}


def plot_touched(results: Mapping[str, Any], path: Path) -> Path:
    """Draw the ratios of the main setting at N = 8, and the floor."""
    from matplotlib.figure import Figure  # here, so that measuring needs torch alone

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for name, (label, colour) in LINES.items():
        at = {float(share): by["8"] for share, by in results["forward_ratio"][name].items()}
        axes.plot(list(at), list(at.values()), marker="o", label=label, color=colour)
    floor = {float(share): ratio for share, ratio in results["floor"].items()}
    words = "floor: an unpatched forward over as many tokens"
    axes.plot(list(floor), list(floor.values()), ":", color="black", label=words)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks(list(floor), [f"{100 * share:g} %" for share in floor], minor=False)
    axes.set_xlabel("share of the picture that eight edits touch")
    axes.set_ylabel("time of a forward, unpatched = 1")
    axes.set_ylim(bottom=0)
    figure.legend(fontsize=8, loc="outside lower center", ncols=2)
    axes.grid(alpha=0.3)
    axes.set_title(f"{results['setting']}\n(one edit at a time: 8)", fontsize=9)
    figure.savefig(path, dpi=110)
    return path
