"""The leak benchmark's table and curves."""

from __future__ import annotations

import json
import platform
from datetime import date
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

Table = dict[str, dict[str, dict[str, Any]]]

COLUMNS = (
    ("success", "success %", 100, 0),
    ("leak", "leakage %", 100, 0),
    ("untouched", "untouched %", 100, 0),
    ("changed", "AR %", 100, 0),
    ("mae_b", "MAE_B", 1, 2),
    ("ssim_b", "SSIM_B", 1, 3),
)
CURVES = (
    "vanilla",
    "text_location",
    "turns",
    "multidiffusion",
    "mice",
    "mice_tau8",
    "mice_boxes",
    "idattn_har_dis_har",
    "idattn_dis_dis_dis",
)
PANELS = (
    ("success", "edit success"),
    ("leak", "leakage"),
    ("mae_b", "MAE_B (0-255)"),
    ("forwards_per_step", "predictions per step"),
    ("seconds", "CPU seconds per edit, without VAE"),
)


def write_report(table: Table, folder: Path, steps: int) -> None:
    """quality.json, quality_table.md and quality_curves.png in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quality.json").write_text(json.dumps(table, indent=1) + "\n")
    text = markdown(table, steps)
    (folder / "quality_table.md").write_text(text)
    print(text)
    draw_curves(table, folder / "quality_curves.png")


def markdown(table: Table, steps: int) -> str:
    """One table per N: mean and 95 % interval of every metric for every method."""
    scenes = {cell["scenes"] for cells in table.values() for cell in cells.values()}
    lines = [
        "# Leak benchmark on the demo model",
        "",
        f"{date.today()}, torch {torch.__version__}, {processor()}, one thread per process, "
        f"{steps} Euler steps, {'/'.join(map(str, sorted(scenes)))} scenes per N.",
        "Mean [95 % interval: percentile bootstrap over scenes, 2000 draws]. AR: change above "
        "10/255. `unedited` is the source through the VAE: the floor of MAE_B. N = 1 is a single "
        "edit that nothing can mistake.",
    ]
    for instances in sorted({n for cells in table.values() for n in cells}, key=int):
        lines += ["", f"## N = {instances}", "", header(), "|---" * (len(COLUMNS) + 3) + "|"]
        lines += [
            row(method, cells[instances]) for method, cells in table.items() if instances in cells
        ]
    return "\n".join(lines) + "\n"


def header() -> str:
    """The table's first line."""
    names = [
        "method",
        *(name for _, name, _, _ in COLUMNS),
        "predictions per step",
        "CPU s per edit",
    ]
    return "| " + " | ".join(names) + " |"


def row(method: str, cell: dict[str, Any]) -> str:
    """One method's line."""
    values = [figure(cell, *column) for column in COLUMNS]
    cost = [str(cell["forwards_per_step"]), f"{cell['seconds']:.2f}"]
    return "| " + " | ".join([method, *values, *cost]) + " |"


def figure(cell: dict[str, Any], metric: str, name: str, scale: float, digits: int) -> str:
    """Mean and interval as text; a dash where no scene has the metric."""
    if cell[metric] is None:
        return "-"
    low, high = (f"{bound * scale:.{digits}f}" for bound in cell["ci"][metric])
    return f"{cell[metric] * scale:.{digits}f} [{low}, {high}]"


def draw_curves(table: Table, path: Path) -> None:
    """Success, leakage, background error, predictions and time over N."""
    figure = Figure(figsize=(22, 4.6), layout="constrained")
    axes = figure.subplots(1, len(PANELS))
    for axis, (metric, title) in zip(axes, PANELS, strict=True):
        for method in CURVES:
            cells = table.get(method, {})
            numbers = sorted(cells, key=int)
            values = [cells[n][metric] for n in numbers]
            (line,) = axis.plot([int(n) for n in numbers], values, "o-", ms=3, label=method)
            bounds = [cells[n]["ci"].get(metric) for n in numbers]
            if all(bounds) and bounds:
                low, high = zip(*bounds, strict=True)
                axis.fill_between([int(n) for n in numbers], low, high, color=line.get_color(),
                                  alpha=0.15, lw=0)  # fmt: skip
        axis.set(title=title, xlabel="instances of one class", ylim=(0, None))
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=80)


def processor() -> str:
    """The machine's processor, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
