"""`make papers BENCH=lomoe|mice|infoedit|crello|pie DATA=..`: a table of a paper's experiments.

With `UNET=.. CLIP=.. VAE=..` on real weights, else on the miniature, which shows that it runs and
no more. Rows and pictures are kept in `build/papers/`, by settings and code; the same command goes
on where it stopped. docs/many_pictures.md has the options.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from PIL import Image
from torch import Tensor

from ...tools.edit_folder.options import whole_number
from ...tools.fleet.command import carry_out
from ...tools.fleet.runner import ERROR, Job, Task, run_tasks
from ...tools.fleet.store import Row, open_store, read_row, read_rows
from .command import Run, prepare
from .files import resized_picture
from .item import BenchmarkItem, Items
from .report import REPORT, summary, write_report
from .sets import frechet_distance

OPENER = "benchmarks.papers.work:open_work"
log = logging.getLogger("papers")


def run_bench(asked: Mapping[str, str]) -> Path:
    """Do what `make papers` was given; returns the folder of its report.

    Raises:
        ValueError: see ``prepare``.
    """
    run = prepare(asked)
    workers = whole_number(asked, "WORKERS")
    open_store(run.folder, run.identity)
    rows = {name: read_row(run.folder, "/".join(name)) for name in run.names()}
    missing = [name for name, row in rows.items() if row is None or ERROR in row]
    tasks = [
        Task("/".join(name), partial(payload, run.items, *name), {"method": name[0]})
        for name in missing
    ]
    try:
        job = Job(OPENER, run.settings, run.folder)
        run_tasks(job, tasks, workers, len(rows) - len(tasks))
    finally:
        report(run)
    return run.folder


def payload(items: Items, method: str, item: str) -> tuple[str, BenchmarkItem]:
    """What a worker gets."""
    return method, items[item]()


def report(run: Run) -> None:
    """Write what is known by now, if anything is."""
    rows = read_rows(run.folder, map("/".join, run.names()))
    if not rows:
        return
    fid: dict[str, float | None] = {}
    if "fid" in run.settings["metrics"]:
        for method in run.settings["methods"]:
            own = [row for row in rows if row["method"] == method and ERROR not in row]
            fid[method] = frechet_distance(pairs(run, own), run.weights)
    about = {
        "model": run.settings["UNET"] or "the miniature",
        "steps": run.settings["STEPS"] or "default",
        **{key: run.settings[key] for key in ("measured with", "seed", "guidance", "area")},
    }
    write_report(run.folder, run.bench.title, about, summary(rows, run.settings["metrics"], fid))


def pairs(run: Run, rows: list[Row]) -> Iterator[tuple[Tensor, Tensor]]:
    """Each picture as wanted (else its source) and as edited, (1, 3, H, W)."""
    for row in rows:
        item = run.items[row["name"].partition("/")[2]]()
        wanted = item.picture if item.wanted is None else item.wanted
        with Image.open(run.folder / row["result"]) as opened:
            result = resized_picture(opened, opened.size)
        yield wanted.movedim(-1, 1), result.movedim(-1, 1)


def main() -> int:
    """Returns 1 if the command cannot be carried out."""
    folder = carry_out(log, partial(run_bench, os.environ))
    if folder is None:
        return 1
    print((folder / f"{REPORT}.md").read_text())
    log.info("rows, pictures and the report are in %s", folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
