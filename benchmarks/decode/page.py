"""The tables of results/decode.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..grid import grid, numbers


def decode_tables(read: Callable[[str], Any]) -> dict[str, str]:
    """Both tables from decode.json."""
    figures = read("decode")
    jobs = {name: job for name, job in figures.items() if name != "about"}
    return {"time": time_table(jobs), "difference": difference_table(jobs)}


def each(jobs: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    """(label, figures) of every decoder and number of regions."""
    for name, job in jobs.items():
        for count, figures in job[kind].items():
            yield f"{name}, N = {count}", figures


def time_table(jobs: Mapping[str, Any]) -> str:
    """Time over that of a whole decode, by the share touched."""
    rows = {label: numbers(figures["time ratio"]) for label, figures in each(jobs, "time")}
    shares = dict.fromkeys(share for row in rows.values() for share in row)
    columns = {share: f"{100 * float(share):g} %" for share in shares}
    return grid("time / whole, touched", rows, columns)


def difference_table(jobs: Mapping[str, Any]) -> str:
    """Mean and largest difference inside the regions, by halo."""
    rows = {
        label: {way: gap_text(gap) for way, gap in figures.items()}
        for label, figures in each(jobs, "difference")
    }
    ways = dict.fromkeys(way for row in rows.values() for way in row)
    return grid("mean (largest), halo", rows, {way: way for way in ways})


def gap_text(gap: Mapping[str, float]) -> str:
    """Mean and largest, 0 where both are."""
    mean, largest = gap["mean"], gap["largest"]
    if not largest:
        return "0"
    return f"{mean:.1f} ({largest:.0f})" if mean >= 0.05 else f"{mean:.0e} ({largest:.0e})"
