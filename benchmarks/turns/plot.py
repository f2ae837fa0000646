"""The curves of `benchmarks.turns`."""

from __future__ import annotations

from pathlib import Path

from matplotlib import colormaps
from matplotlib.figure import Figure

from .report import SWEEPS, Tables, mean_success


def draw_curves(tables: Tables, path: Path) -> None:
    """Drift, success and reconstruction over the rounds, and the three sweeps."""
    figure = Figure(figsize=(22, 4.4), layout="constrained")
    axes = figure.subplots(1, 5)
    panels = [("editing", "drift", "background drift (0-255)"), ("editing", "held", "edits held"),
              ("reconstruction", "psnr", "PSNR without an edit (dB)")]  # fmt: skip
    for axis, (table, name, title) in zip(axes, panels, strict=False):
        axis.set_prop_cycle(color=colormaps["tab20"](range(20)))
        for method, cell in tables[table].items():
            axis.plot([int(k) for k in cell[name]], list(cell[name].values()), "o-", ms=3,
                      label=method)  # fmt: skip
        axis.set(title=title, xlabel="rounds")
    axes[0].set_yscale("log")
    axes[2].legend(fontsize=7)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside left center", fontsize=8)
    for sweep in SWEEPS:
        cells = tables[sweep].values()
        success = [mean_success(cell) for cell in cells]
        axes[3].plot([c["drift"]["8"] for c in cells], success, "o-", ms=3, label=sweep)
        for value, cell, share in zip(tables[sweep], cells, success, strict=True):
            axes[3].annotate(value, (cell["drift"]["8"], share), fontsize=6)
        axes[4].plot([c["drift"]["8"] for c in cells], [c["held"]["8"] for c in cells], "o-", ms=3)
    axes[3].set(title="sweeps", xlabel="drift after 8 rounds", ylabel="mean success")
    axes[4].set(title="sweeps", xlabel="drift after 8 rounds", ylabel="held after 8 rounds")
    axes[3].legend(fontsize=7)
    figure.savefig(path, dpi=80)
