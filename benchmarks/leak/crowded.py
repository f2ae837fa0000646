"""Edit success, leakage and seams of every method on crowded pictures, on a CPU.

    python -m tools.run benchmarks.leak.crowded [--weights FILE] [--sets 5,9] [--methods mice] ..

Results of every (method, set) are kept under build/crowded/ and reused while weights, steps, seeds
and code stay the same. Writes crowds.json and crowds_table.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import torch

from ...tools.load_pack import ROOT, add_comfyui_to_path
from ..cache import WEIGHTS, cache_folder
from ..record import RESULTS
from ..studio import Studio
from .baselines import Method
from .crowd_report import write_crowds
from .crowd_run import crowd_rows, crowd_task, run_crowds
from .crowds import SEEDS, SETS, crowd_scenes

Job = tuple[str, str]
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
        return tuple(SETS)
    if method.endswith("exact"):
        return EXACT_SETS
    return SPARSE_SETS if method in SPARSE else OTHER_SETS


def instances_in(name: str) -> int:
    """How many instances a set's scenes have."""
    return int(name.split()[-1])


def result_path(folder: Path, job: Job) -> Path:
    """Where a job leaves its outcomes."""
    return folder / f"{job[0]} {job[1]}.json".replace(" ", "_")


def results_folder(options: argparse.Namespace) -> Path:
    """Where results of these settings are kept."""
    weights = hashlib.sha256(options.weights.read_bytes()).hexdigest()
    settings = f"{options.steps} {options.scenes} {options.seeds} {weights}"
    return cache_folder("crowded", ["benchmarks/leak", "demo/crowd"], settings)


def jobs_of(options: argparse.Namespace, methods: Mapping[str, Method]) -> list[Job]:
    """What the command line asks for, one set after the other."""
    named = options.methods.split(",") if options.methods else list(methods)
    chosen = options.sets.split(",") if options.sets else None
    jobs = [(method, name) for method in named for name in chosen or sets_of(method)]
    return sorted(jobs, key=lambda job: list(SETS).index(job[1]))


def run_jobs(
    jobs: list[Job], folder: Path, studio: Studio, options: argparse.Namespace,
    methods: Mapping[str, Method],
) -> None:  # fmt: skip
    """Run jobs one after the other in this process; each leaves its file."""
    prepared: dict[str, Any] = {}
    for method, name in jobs:
        if name not in prepared:
            scenes = crowd_scenes(name, options.scenes, options.seeds)
            tasks = [crowd_task(studio, scene, seed) for seed, scene in enumerate(scenes)]
            prepared = {name: (scenes, tasks)}
        rows = crowd_rows(run_crowds(studio, methods[method], *prepared[name]))
        path = result_path(folder, (method, name))
        path.with_suffix(".part").write_text(json.dumps(rows))
        path.with_suffix(".part").rename(path)
        print(f"{method}, {name}: success {sum(r['success'] for r in rows) / len(rows):.3f}")


def start_workers(jobs: list[Job], options: argparse.Namespace) -> None:
    """Every ``workers``-th job to one process of one thread; wait for all."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tools.run", "benchmarks.leak.crowded"]
    command += [f"--{name}={getattr(options, name)}" for name in ("weights", "seeds")]
    command += [f"--{name}={getattr(options, name)}" for name in ("steps", "scenes")]
    parts = [jobs[index :: options.workers] for index in range(options.workers)]
    running = [
        subprocess.Popen(
            [*command, "--worker", ",".join(":".join(job) for job in part)],
            cwd=ROOT,
            env=environment,
        )
        for part in parts
        if part
    ]
    if any([process.wait() for process in running]):
        raise SystemExit("a worker failed: its error stands above. Finished results are kept.")


def collect(jobs: list[Job], folder: Path) -> dict[Job, list[dict[str, float]]]:
    """The rows of every finished job."""
    paths = {job: result_path(folder, job) for job in jobs}
    return {job: json.loads(path.read_text()) for job, path in paths.items() if path.exists()}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", help="comma-separated; default: all")
    parser.add_argument("--sets", help=f"comma-separated of {', '.join(SETS)}; default: all")
    parser.add_argument("--scenes", type=int, default=100, help="per set; default 100")
    parser.add_argument("--steps", type=int, default=4, help="Euler steps; default 4")
    parser.add_argument("--seeds", choices=SEEDS, default="report", help="what the run is for")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="default: the shipped ones")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the report")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(options: argparse.Namespace) -> None:
    """What the command line asks for: a worker's jobs, or all of them and the report."""
    from ..in_process import weights_studio
    from .crowd_methods import METHODS

    folder = results_folder(options)
    folder.mkdir(parents=True, exist_ok=True)
    if options.worker:
        pairs = [entry.split(":") for entry in options.worker.split(",")]
        jobs = [(method, name) for method, name in pairs]
        studio = weights_studio(options.weights, options.steps)
        return run_jobs(jobs, folder, studio, options, METHODS)
    jobs = jobs_of(options, METHODS)
    start_workers([job for job in jobs if not result_path(folder, job).exists()], options)
    forwards = {(m, name): METHODS[m].forwards(instances_in(name)) for m, name in jobs}
    about = f"{date.today()}, torch {torch.__version__}, one thread per process, {options.steps} "
    about += f"Euler steps, {options.scenes} scenes per set of the seeds for {options.seeds}."
    write_crowds(collect(jobs, folder), forwards, options.out, about)


def main() -> None:
    options = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="instance-edit-crowded-") as base:
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        measure(options)


if __name__ == "__main__":
    main()
