"""`make bench-quality`: edit success and leakage of every method on the demo model, on a CPU.

    python -m tools.run benchmarks.leak.quality [--methods mice,vanilla] [--instances 3] ..

Results of every (method, N) are kept under build/quality/ and reused while weights, steps and
code stay the same. Writes quality.json, quality_table.md and quality_curves.png.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...tools.load_pack import ROOT, add_comfyui_to_path
from ..cache import cache_folder
from ..record import RESULTS
from ..studio import Studio
from ..summary import summarise
from .baselines import Method
from .conflicts import leak_scenes
from .report import write_report
from .runner import as_rows, edit_task, run_method

EVERY = (3, 9, 6, 2, 5, 8, 4, 7)  # in the order in which they run
SINGLE = {"unedited", "vanilla", "mice"}  # methods that also run with one, unambiguous instruction
ABLATION = (3, 6, 9)  # for masks without room
LEADING = {"vanilla", "text_location", "mice", "idattn_har_dis_har"}  # before the others

Job = tuple[str, int]
Methods = Mapping[str, Method]


def instances_of(method: str) -> tuple[int, ...]:
    """The numbers of instances a method is run with."""
    if method.endswith("exact"):
        return ABLATION
    return (1, *EVERY) if method in SINGLE else EVERY


def results_folder(steps: int, scenes: int) -> Path:
    """Where results of these settings are kept."""
    return cache_folder("quality", ["benchmarks/leak"], f"{steps} {scenes}")


def run_jobs(jobs: list[Job], folder: Path, studio: Studio, scenes: int, methods: Methods) -> None:
    """Run jobs one after the other in this process; each leaves ``<method>_<N>.json``."""
    prepared: dict[int, Any] = {}
    for method, instances in jobs:
        if instances not in prepared:
            drawn = leak_scenes(instances, scenes)
            tasks = [edit_task(studio, scene, seed) for seed, scene in enumerate(drawn)]
            prepared = {instances: (drawn, tasks)}
        outcomes = run_method(studio, methods[method], *prepared[instances])
        path = result_path(folder, (method, instances))
        path.with_suffix(".part").write_text(json.dumps(as_rows(outcomes)))
        path.with_suffix(".part").rename(path)
        print(f"{method} N={instances}: {describe(as_rows(outcomes))}", flush=True)


def describe(rows: list[dict[str, float]]) -> str:
    """One line about a finished job."""
    cell = summarise(rows, 0)
    shares = ", ".join(
        f"{name} {cell[name]:.0%}"
        for name in ("success", "leak", "untouched", "changed")
        if cell[name] is not None
    )
    return f"{shares}, MAE_B {cell['mae_b']:.2f}, SSIM_B {cell['ssim_b']:.3f}, {cell['seconds']} s"


def missing_jobs(jobs: list[Job], folder: Path) -> list[Job]:
    """Jobs without a result, the most telling first, so that a run may be cut short.

    Those of one N stand together, so that its scenes are encoded once.
    """
    missing = [job for job in jobs if not result_path(folder, job).exists()]
    return sorted(missing, key=urgency)


def urgency(job: Job) -> tuple[int, int]:
    """When a job runs: N = 1 and 3, then 9 and 6 of what runs at every N, then the rest."""
    method, instances = job
    if instances in (1, 3):
        stage = 0
    elif instances in (9, 6) and len(instances_of(method)) > len(ABLATION):
        stage = 1
    else:
        stage = 2 if method in LEADING else 3
    return stage, (1, *EVERY).index(instances)


def result_path(folder: Path, job: Job) -> Path:
    """Where a job leaves its outcomes."""
    return folder / f"{job[0]}_{job[1]}.json"


def start_workers(
    jobs: list[Job], folder: Path, arguments: argparse.Namespace, methods: Methods
) -> None:
    """Split the jobs by their cost over processes of one thread each and wait for them."""
    loads: list[tuple[float, list[Job]]] = [(0.0, []) for _ in range(arguments.workers)]
    for job in jobs:
        load, own = min(loads, key=lambda entry: entry[0])
        loads[loads.index((load, own))] = (load + 2 + methods[job[0]].forwards(job[1]), [*own, job])
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tools.run", "benchmarks.leak.quality", f"--folder={folder}"]
    command += [f"--steps={arguments.steps}", f"--scenes={arguments.scenes}"]
    running = [
        subprocess.Popen(
            [*command, "--worker", " ".join(f"{method}:{count}" for method, count in own)],
            cwd=ROOT,
            env=environment,
        )
        for _, own in loads
        if own
    ]
    if any([process.wait() for process in running]):
        raise SystemExit("a worker failed: its error stands above. Finished results are kept.")


def collect(jobs: list[Job], folder: Path, methods: Methods) -> dict[str, dict[str, Any]]:
    """{method: {N: cell}} of every finished job, N in increasing order."""
    table: dict[str, dict[str, Any]] = {}
    order = list(methods)
    for method, instances in sorted(jobs, key=lambda job: (order.index(job[0]), job[1])):
        path = result_path(folder, (method, instances))
        if not path.exists():
            continue
        rows = json.loads(path.read_text())
        cell = summarise(rows, methods[method].forwards(instances))
        table.setdefault(method, {})[str(instances)] = cell
    return table


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", help="comma-separated; default: all")
    parser.add_argument("--instances", help="comma-separated N; default: as each method says")
    parser.add_argument("--scenes", type=int, default=100, help="per N; default 100")
    parser.add_argument("--steps", type=int, default=4, help="Euler steps; default 4")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the report")
    parser.add_argument("--report-only", action="store_true", help="run nothing, write the report")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(
    arguments: argparse.Namespace, methods: Methods, open_studio: Callable[[int], Studio]
) -> None:
    """What the command line asks for: a worker's jobs, or all of them and the report."""
    folder = arguments.folder or results_folder(arguments.steps, arguments.scenes)
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.worker:
        pairs = [entry.split(":") for entry in arguments.worker.split()]
        jobs = [(method, int(instances)) for method, instances in pairs]
        return run_jobs(jobs, folder, open_studio(arguments.steps), arguments.scenes, methods)
    named = arguments.methods.split(",") if arguments.methods else list(methods)
    chosen = [int(n) for n in arguments.instances.split(",")] if arguments.instances else None
    jobs = [(method, n) for method in named for n in chosen or instances_of(method)]
    if not arguments.report_only:
        start_workers(missing_jobs(jobs, folder), folder, arguments, methods)
    write_report(collect(jobs, folder, methods), arguments.out, arguments.steps)


def main() -> None:
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="instance-edit-quality-") as base:
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        from ..in_process import demo_studio
        from .methods import METHODS

        measure(arguments, METHODS, demo_studio)


if __name__ == "__main__":
    main()
