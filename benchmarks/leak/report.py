"""The quality benchmark's page and curves, from quality.json alone."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from .crowds import SETS
from .orders import Results, compare_orders, orders_table
from .targets import targets_table

Table = Mapping[str, Mapping[str, Mapping[str, Any]]]

COLUMNS = (
    ("success", "success %", 100, 0),
    ("leak", "leakage %", 100, 0),
    ("untouched", "untouched %", 100, 0),
    ("changed", "AR %", 100, 0),
    ("mae_b", "MAE_B", 1, 2),
    ("ssim_b", "SSIM_B", 1, 3),
    ("seam", "seam", 1, 1),
)
CURVES = (
    *("vanilla", "text_location", "turns", "turns_places", "multidiffusion"),
    *("mice", "mice_tau8", "mice_boxes", "idattn_har_dis_har", "idattn_dis_dis_dis"),
)
PANELS = (
    ("success", "edit success"),
    ("leak", "leakage"),
    ("mae_b", "MAE_B (0-255)"),
    ("forwards_per_step", "predictions per step"),
    ("seconds", "CPU seconds per edit, without VAE"),
)
NOT_METHODS = ("orders", "about")


def write_report(table: Table, results: Results, settings: Mapping[str, Any], folder: Path) -> None:
    """quality.json in ``folder``, and from it quality.md and quality_curves.png."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "device": f"{processor()}, one thread per process, processor time",
        **settings,
    }
    content = {**table, "orders": compare_orders(results), "about": about}
    (folder / "quality.json").write_text(json.dumps(content, indent=1) + "\n")
    write_page(folder)


def write_page(folder: Path) -> None:
    """quality.md and quality_curves.png beside ``folder``'s quality.json."""
    figures = json.loads((folder / "quality.json").read_text())
    (folder / "quality.md").write_text(page(figures))
    draw_curves(methods_of(figures), folder / "quality_curves.png")


def methods_of(figures: Mapping[str, Any]) -> Table:
    """{method: {set: cell}} of quality.json."""
    return {name: cells for name, cells in figures.items() if name not in NOT_METHODS}


def page(figures: Mapping[str, Any]) -> str:
    """quality.md as text."""
    table, about = methods_of(figures), figures["about"]
    intro = (Path(__file__).parent / "quality_intro.md").read_text().rstrip()
    lines = [
        intro,
        f"\nMade on {about['date']}, torch {about['torch']}, {about['device']}: "
        f"{about['steps']} Euler steps, {about['scenes']} scenes of each N and half as many of the "
        f"other sets, of the seeds for {about['seeds']}.",
        "\n![curves](quality_curves.png)\n\n## Targets\n",
        targets_table(table).rstrip(),
        "\n## The published orders\n",
        "Differences are paired by scene; an order holds where the whole 95 % interval is above "
        "0.\n",
        orders_table(figures["orders"]).rstrip(),
    ]
    for name in (name for name in SETS if any(name in cells for cells in table.values())):
        lines += [f"\n## {title(name)}\n", header(), "|---" * (len(COLUMNS) + 3) + "|"]
        lines += [row(method, cells[name]) for method, cells in table.items() if name in cells]
    return "\n".join(lines) + "\n"


def title(name: str) -> str:
    """A set's heading."""
    return f"N = {name}" if name.isdigit() else name


def header() -> str:
    """The tables' first line."""
    names = ["method", *(name for _, name, _, _ in COLUMNS), "predictions per step"]
    return "| " + " | ".join([*names, "CPU s per edit"]) + " |"


def row(method: str, cell: Mapping[str, Any]) -> str:
    """One method's line."""
    values = [figure(cell, *column) for column in COLUMNS]
    cost = [str(cell["forwards_per_step"]), f"{cell['seconds']:.2f}"]
    return "| " + " | ".join([method, *values, *cost]) + " |"


def figure(cell: Mapping[str, Any], metric: str, name: str, scale: float, digits: int) -> str:
    """Mean and interval as text; a dash where no scene has the metric."""
    if cell[metric] is None:
        return "-"
    low, high = (f"{bound * scale:.{digits}f}" for bound in cell["ci"][metric])
    return f"{cell[metric] * scale:.{digits}f} [{low}, {high}]"


def draw_curves(table: Table, path: Path) -> None:
    """Success, leakage, background error, predictions and time over N, instances apart."""
    figure = Figure(figsize=(22, 4.6), layout="constrained")
    axes = figure.subplots(1, len(PANELS))
    for axis, (metric, title) in zip(axes, PANELS, strict=True):
        for method in CURVES:
            cells = {int(n): cell for n, cell in table.get(method, {}).items() if n.isdigit()}
            numbers = sorted(cells)
            values = [cells[n][metric] for n in numbers]
            (line,) = axis.plot(numbers, values, "o-", ms=3, label=method)
            bounds = [cells[n]["ci"].get(metric) for n in numbers]
            if all(bounds) and bounds:
                low, high = zip(*bounds, strict=True)
                axis.fill_between(numbers, low, high, color=line.get_color(), alpha=0.15, lw=0)
        axis.set(title=title, xlabel="instances of one class", ylim=(0, None))
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=80)


def processor() -> str:
    """The machine's processor, as far as the system tells."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
