"""The crowded benchmark's tables: every method on every set, and the published orders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..summary import METRICS, summarise
from .orders import Results, orders_table
from .report import COLUMNS, figure

SEAM = ("seam", "seam", 1, 1)
SHOWN = (*COLUMNS, SEAM)
TABLE, JSON = "crowds_table.md", "crowds.json"


def crowd_table(results: Results, forwards: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """{set: {method: cell}} in the order of the results."""
    table: dict[str, Any] = {}
    for (method, name), rows in results.items():
        cell = summarise(rows, forwards[method, name], (*METRICS, "seam"))
        table.setdefault(name, {})[method] = cell
    return table


def crowd_markdown(table: dict[str, Any], results: Results, about: str) -> str:
    """The page with the orders first, then one table per set."""
    lines = [
        "# Crowded pictures",
        "",
        about,
        "Mean [95 % interval: percentile bootstrap over scenes]. AR: change above 10/255. seam: "
        "difference from a perfect edit within 6 pixels of the masks' edges, 0-255.",
        "",
        "## The published orders",
        "",
        "Differences are paired by scene: an order holds where the whole interval is above 0.",
        "",
        orders_table(results).rstrip(),
    ]
    head = ["method", *(name for _, name, _, _ in SHOWN), "predictions per step", "CPU s per edit"]
    for name, cells in table.items():
        lines += ["", f"## {name}", "", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        lines += [crowd_row(method, cell) for method, cell in cells.items()]
    return "\n".join(lines) + "\n"


def crowd_row(method: str, cell: dict[str, Any]) -> str:
    """One method's line."""
    values = [figure(cell, *column) for column in SHOWN]
    cost = [str(cell["forwards_per_step"]), f"{cell['seconds']:.2f}"]
    return f"| {' | '.join([method, *values, *cost])} |"


def write_crowds(
    results: Results, forwards: Mapping[tuple[str, str], int], folder: Path, about: str
) -> None:
    """crowds.json and crowds_table.md in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    table = crowd_table(results, forwards)
    (folder / JSON).write_text(json.dumps(table, indent=1) + "\n")
    (folder / TABLE).write_text(crowd_markdown(table, results, about))
