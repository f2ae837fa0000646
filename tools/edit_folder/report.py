"""What became of a folder, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from ..fleet.runner import ERROR
from ..fleet.store import Row, write_json
from ..whole_file import write_whole

REPORT = "report"


def write_report(out: Path, rows: Sequence[Row]) -> None:
    """``report.json`` with a row per picture, and ``report.md`` with what went wrong in words."""
    write_json(out / f"{REPORT}.json", list(rows))
    write_whole(out / f"{REPORT}.md", describe(rows).encode())


def describe(rows: Sequence[Row]) -> str:
    """The report in words."""
    failed = [row for row in rows if ERROR in row]
    edited = [row for row in rows if ERROR not in row]
    lines = ["# Edited pictures", "", f"{len(edited)} of {len(rows)} picture(s) were edited."]
    if edited:
        instances = sum(row["instances"] for row in edited)
        seconds = median(row["seconds"] for row in edited)
        workers = len({row["worker"] for row in edited})
        lines.append(
            f"{instances} instance(s) in all, {seconds:.1f} s a picture (median), by {workers} "
            "worker(s)."
        )
    if failed:
        lines += ["", "## Not edited", ""]
        lines += [f"- `{row['name']}`: {row[ERROR]}" for row in failed]
        lines += ["", "Mend what is said, and run the same command again: it does these alone."]
    return "\n".join(lines) + "\n"
