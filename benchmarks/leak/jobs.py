"""Which method meets which scenes, who runs what, and what is finished already.

A job is one method on one set of scenes; it leaves one file, so that a run may be cut short.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...tools.whole_file import write_whole
from ..studio import Studio
from ..summary import summarise
from .baselines import Method
from .crowd_runner import METRICS, crowd_task, run_crowds
from .crowds import REPORTED, SETS, crowd_scenes, instances_in
from .runner import as_rows

Job = tuple[str, str]
Methods = Mapping[str, Method]
Rows = list[dict[str, float]]

LEADING = {
    *("unedited", "vanilla", "text_location", "mice", "mice_tau8", "mice_boxes", "mice_loose"),
    *("mice_hard", "idattn_har_dis_har", "idattn_dis_dis_dis", "idattn_har_har_har"),
}
SPARSE = {"turns", "turns_places", "multidiffusion"}  # one prediction per instance
SPARSE_SETS = ("1", "3", "5", "9", "touching 4", "many 12")
EXACT_SETS = ("3", "9", "touching 4")
OTHER_SETS = ("5", "touching 4")


def sets_of(method: str) -> tuple[str, ...]:
    """The scenes a method meets: all for what is compared, a few for what varies it."""
    if method in LEADING:
        return REPORTED
    if method.endswith("exact"):
        return EXACT_SETS
    return SPARSE_SETS if method in SPARSE else OTHER_SETS


def scenes_of(name: str, scenes: int) -> int:
    """How many of ``scenes`` a set has: all for each N, half where things touch or are many."""
    return scenes if name.isdigit() else (scenes + 1) // 2


def cost_of(job: Job, methods: Methods) -> float:
    """What a job costs, in predictions of all scenes; decoding and judging cost as much as two."""
    method, name = job
    return (2 + methods[method].forwards(instances_in(name))) * scenes_of(name, 100) / 100


def in_order(jobs: Iterable[Job]) -> list[Job]:
    """All jobs of one set one after the other, so that its scenes are encoded once."""
    return sorted(jobs, key=lambda job: list(SETS).index(job[1]))


def shared_out(jobs: Sequence[Job], methods: Methods, workers: int) -> list[list[Job]]:
    """The jobs in as many parts, about equally much work in each; none is empty."""
    parts: list[tuple[float, list[Job]]] = [(0.0, []) for _ in range(workers)]
    for job in jobs:
        load, own = min(parts, key=lambda part: part[0])
        parts[parts.index((load, own))] = (load + cost_of(job, methods), [*own, job])
    return [own for _, own in parts if own]


def result_path(folder: Path, job: Job) -> Path:
    """Where a job leaves its outcomes."""
    return folder / f"{job[0]} {job[1]}.json".replace(" ", "_")


def missing_jobs(jobs: Iterable[Job], folder: Path) -> list[Job]:
    """Jobs without a result, in order."""
    return in_order(job for job in jobs if not result_path(folder, job).exists())


def run_jobs(
    jobs: Sequence[Job], folder: Path, studio: Studio, scenes: int, methods: Methods,
    seeds: str = "report",
) -> None:  # fmt: skip
    """Run jobs one after the other in this process; each leaves its file.

    Args:
        scenes: of a whole set; see ``scenes_of``.
        seeds: what the run is for, one of `crowds.SEEDS`.
    """
    prepared: dict[str, Any] = {}
    for method, name in jobs:
        if name not in prepared:
            drawn = crowd_scenes(name, scenes_of(name, scenes), seeds)
            tasks = [crowd_task(studio, scene, seed) for seed, scene in enumerate(drawn)]
            prepared = {name: (drawn, tasks)}
        rows = as_rows(run_crowds(studio, methods[method], *prepared[name]))
        path = result_path(folder, (method, name))
        write_whole(path, json.dumps(rows).encode())
        print(f"{method}, {name}: {describe(rows)}", flush=True)


def describe(rows: Rows) -> str:
    """One line about a finished job."""
    cell = summarise(rows, 0, METRICS)
    shares = ", ".join(
        f"{name} {cell[name]:.0%}"
        for name in ("success", "leak", "untouched", "changed")
        if cell[name] is not None
    )
    return f"{shares}, MAE_B {cell['mae_b']:.2f}, seam {cell['seam']:.2f}, {cell['seconds']} s"


def finished(jobs: Iterable[Job], folder: Path) -> dict[Job, Rows]:
    """The rows of every finished job."""
    paths = {job: result_path(folder, job) for job in jobs}
    return {job: json.loads(path.read_text()) for job, path in paths.items() if path.exists()}


def tabulate(results: Mapping[Job, Rows], methods: Methods) -> dict[str, dict[str, dict[str, Any]]]:
    """{method: {set: cell}}, methods and sets in their own order."""
    table: dict[str, dict[str, dict[str, Any]]] = {}
    methods_first = sorted(in_order(results), key=lambda job: list(methods).index(job[0]))
    for method, name in methods_first:
        forwards = methods[method].forwards(instances_in(name))
        cell = summarise(results[method, name], forwards, METRICS)
        table.setdefault(method, {})[name] = cell
    return table
