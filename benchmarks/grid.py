"""A Markdown table of figures."""

from __future__ import annotations

from collections.abc import Mapping


def grid(first: str, rows: Mapping[str, Mapping[str, str]], columns: Mapping[str, str]) -> str:
    """A Markdown table.

    Args:
        first: heading of the first column.
        rows: {label: {key: text}}; what is missing stays empty.
        columns: {key: heading}.
    """
    lines = [
        f"| {first} | " + " | ".join(columns.values()) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for label, cells in rows.items():
        lines.append(f"| {label} | " + " | ".join(cells.get(key, "") for key in columns) + " |")
    return "\n".join(lines)


def counts(*rows: Mapping[str, float]) -> dict[str, str]:
    """Headings of all N that are measured but 0."""
    found = sorted({int(n) for row in rows for n in row} - {0})
    return {str(n): f"N = {n}" for n in found}


def numbers(cells: Mapping[str, float], digits: int = 2) -> dict[str, str]:
    """Figures as text, by the same keys."""
    return {key: f"{value:.{digits}f}" for key, value in cells.items()}
