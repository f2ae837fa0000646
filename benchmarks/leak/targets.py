"""What the miniature must show to be evidence: it fails where real models fail, no method does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Table = Mapping[str, Mapping[str, Mapping[str, Any]]]
FLOOR = "unedited"


@dataclass(frozen=True)
class Target:
    """``metric`` of ``method`` on ``name``'s scenes is within [low, high]."""

    claim: str
    method: str
    name: str
    metric: str
    low: float = 0.0
    high: float = 1.0


TARGETS = (
    Target("a single edit succeeds", "vanilla", "1", "success", low=0.95),
    Target("a list with places fails", "text_location", "5", "success", high=0.2),
    Target("MICE succeeds", "mice", "5", "success", low=0.98),
    Target("MICE succeeds", "mice", "9", "success", low=0.95),
    Target("MICE does not leak", "mice", "5", "leak", high=0.01),
    Target("MICE does not leak", "mice", "9", "leak", high=0.01),
)


def targets_table(table: Table) -> str:
    """A Markdown table of every target whose results are there."""
    lines = ["| target | scenes | metric | wanted | measured | met |", "|---|---|---|---|---|---|"]
    for target in TARGETS:
        cell = table.get(target.method, {}).get(target.name)
        if cell is None:
            continue
        value, (low, high) = cell[target.metric], cell["ci"][target.metric]
        wanted = f"at least {target.low:.0%}" if target.low else f"at most {target.high:.0%}"
        met = "yes" if target.low <= value <= target.high else "no"
        measured = f"{value:.1%} [{low:.1%}, {high:.1%}]"
        cells = (f"{target.claim} ({target.method})", target.name, target.metric)
        lines.append("| " + " | ".join([*cells, wanted, measured, met]) + " |")
    single, floor = (table.get(method, {}).get("1") for method in ("vanilla", FLOOR))
    if single and floor:
        lines += ["", f"Background of a single edit: MAE_B {single['mae_b']:.2f}; the codec alone"]
        lines[-1] += f" (`{FLOOR}`): {floor['mae_b']:.2f}."
    return "\n".join(lines) + "\n"
