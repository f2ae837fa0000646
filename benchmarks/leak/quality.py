"""`make bench-quality`: edit success, leakage, background and seams of every method, on a CPU.

    python -m tools.run benchmarks.leak.quality [--weights FILE] [--sets 5,9] [--methods mice] ..

Results of every (method, set) are kept under build/quality/ and reused while weights, steps, seeds
and code stay the same. Writes quality.json, quality.md and quality_curves.png. Settings are chosen
with `--seeds choosing`, on scenes that the report never sees.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ...tools.load_pack import ROOT, add_comfyui_to_path
from ..cache import EDITORS, WEIGHTS, cache_folder
from ..record import RESULTS
from .crowds import REPORTED, SEEDS
from .jobs import Job, Methods, finished, missing_jobs, run_jobs, sets_of, shared_out, tabulate
from .report import write_report

PASSED_ON = ("weights", "seeds", "steps", "scenes")


def results_folder(options: argparse.Namespace) -> Path:
    """Where results of these settings are kept."""
    weights = hashlib.sha256(options.weights.read_bytes()).hexdigest()
    settings = f"{options.steps} {options.scenes} {options.seeds} {weights}"
    return cache_folder("quality", (*EDITORS, "benchmarks/leak", "demo/crowd"), settings)


def jobs_of(options: argparse.Namespace, methods: Methods) -> list[Job]:
    """What the command line asks for."""
    named = options.methods.split(",") if options.methods else list(methods)
    chosen = options.sets.split(",") if options.sets else None
    return [(method, name) for method in named for name in chosen or sets_of(method)]


def start_workers(jobs: list[Job], methods: Methods, options: argparse.Namespace) -> None:
    """A process of one thread for every part of the jobs; wait for all."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tools.run", "benchmarks.leak.quality"]
    command += [f"--{name}={getattr(options, name)}" for name in PASSED_ON]
    running = [
        subprocess.Popen(
            [*command, "--worker", ",".join(":".join(job) for job in part)],
            cwd=ROOT,
            env=environment,
        )
        for part in shared_out(jobs, methods, options.workers)
    ]
    if any([process.wait() for process in running]):
        raise SystemExit("a worker failed: its error stands above. Finished results are kept.")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", help="comma-separated; default: all")
    parser.add_argument("--sets", help=f"of {', '.join(REPORTED)}; default: as each method says")
    scenes = "of each N, and half as many of the other sets; default 100"
    parser.add_argument("--scenes", type=int, default=100, help=scenes)
    parser.add_argument("--steps", type=int, default=4, help="Euler steps; default 4")
    parser.add_argument("--seeds", choices=SEEDS, default="report", help="what the run is for")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="default: the shipped ones")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the report")
    parser.add_argument("--report-only", action="store_true", help="run nothing, write the report")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(options: argparse.Namespace) -> None:
    """What the command line asks for: a worker's jobs, or all of them and the report."""
    from ..in_process import weights_studio
    from .methods import METHODS

    folder = results_folder(options)
    folder.mkdir(parents=True, exist_ok=True)
    if options.worker:
        pairs = [entry.split(":") for entry in options.worker.split(",")]
        studio = weights_studio(options.weights, options.steps)
        jobs = [(method, name) for method, name in pairs]
        return run_jobs(jobs, folder, studio, options.scenes, METHODS, options.seeds)
    jobs = jobs_of(options, METHODS)
    if not options.report_only:
        start_workers(missing_jobs(jobs, folder), METHODS, options)
    results = finished(jobs, folder)
    settings = {"steps": options.steps, "scenes": options.scenes, "seeds": options.seeds}
    write_report(tabulate(results, METHODS), results, settings, options.out)


def main() -> None:
    options = parse_arguments()
    with tempfile.TemporaryDirectory(prefix="instance-edit-quality-") as base:
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        measure(options)


if __name__ == "__main__":
    main()
