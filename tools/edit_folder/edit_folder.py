"""`make edit-folder IN=.. OUT=..`: edit every picture of a folder, on all devices and machines.

Beside each picture lies `NAME.json` (regions as Save Regions writes them) or `NAME.csv` (old text,
new text, box). OUT gets a PNG per picture, `report.md`, `report.json` and a row per picture; the
same command goes on where it stopped, and does again what failed or was changed.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ..fleet.command import carry_out
from ..fleet.runner import ERROR, Job, Task, run_tasks
from ..fleet.store import open_store, read_row, read_rows
from .inputs import Found, find_pictures, read_inputs, stamp_of
from .options import read_settings, required_folder, whole_number
from .report import REPORT, write_report

OPENER = "tools.edit_folder.work:open_work"
log = logging.getLogger("edit_folder")


def edit_folder(asked: Mapping[str, str]) -> tuple[int, int]:
    """Do what `make edit-folder` was given; returns how many pictures are edited, and how many not.

    Raises:
        ValueError: the command cannot be carried out; a single picture's fault is in the report.
    """
    source, out = (required_folder(asked, key) for key in ("IN", "OUT"))
    settings, workers = read_settings(asked), whole_number(asked, "WORKERS")
    found = find_pictures(source, out)
    open_store(out, settings)
    missing = [one for one in found if not is_done(out, one)]
    tasks = [Task(one.name, partial(read_inputs, one), {"from": stamp_of(one)}) for one in missing]
    finished = len(found) - len(missing)
    log.info("%d picture(s), %d of them done before", len(found), finished)
    try:
        job = Job(OPENER, settings, out)
        run_tasks(job, tasks, workers, finished)
    finally:
        rows = read_rows(out, (one.name for one in found))
        if rows:
            write_report(out, rows)
    failed = sum(ERROR in row for row in rows)
    return len(rows) - failed, failed


def is_done(out: Path, one: Found) -> bool:
    """Whether a picture was edited, with the files that lie there now, and its result is there."""
    row = read_row(out, one.name)
    if row is None or ERROR in row or row.get("from") != stamp_of(one):
        return False
    return (out / row["result"]).is_file()


def main() -> int:
    """Returns 1 if the command cannot be carried out, 2 if some pictures were not edited."""
    done = carry_out(log, partial(edit_folder, os.environ))
    if done is None:
        return 1
    edited, failed = done
    log.info("%d edited, %d not: %s.md in OUT", edited, failed, REPORT)
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
