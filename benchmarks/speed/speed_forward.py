"""Whole forwards of ComfyUI's Flux class, patched and not: run with `make bench` and `bench-gpu`.

On a CPU one single block of FLUX.2 klein 4B's real widths at 512 x 512 and, with `--whole`, all of
its blocks (12 GB, a quarter of an hour); on a GPU the whole klein 4B and FLUX.1 Kontext 12B at
1024 x 1024. Random weights, one reference.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import torch

from ...attention.tokens import TokenLayout
from ...tools.load_pack import add_comfyui_to_path
from ...tools.model_shapes import KLEIN_4B, Config, Shape, klein_4b, kontext_12b
from ..record import median_seconds, peak_bytes, write_results
from .jobs import job_layout
from .speed import GRID, INSTANCES, Figures, add_row

SMALL_MOST = 100
Calls = Mapping[str, Callable[[], object]]


class Job(NamedTuple):
    """A model's configuration, tokens a side, and the numbers of instances."""

    config: Config
    side: int
    instances: tuple[int, ...]


def forward_figures(
    job: Job, calls_at: Callable[[TokenLayout], Calls], device: torch.device, repeats: int
) -> Figures:
    """Ratios of whole forwards by name and N."""
    figures: Figures = {}
    for number in job.instances:
        calls = calls_at(job_layout(number, (job.side, job.side)))
        seconds = median_seconds(calls, device, repeats)
        peaks = {name: peak_bytes(call, device) for name, call in calls.items()}
        row = {
            "seconds/unpatched": seconds["unpatched"],
            "ours/unpatched": seconds["ours"] / seconds["unpatched"],
            "ours/dense": seconds["ours"] / seconds["dense"],
            "peak memory, ours/unpatched": peaks["ours"] / peaks["unpatched"],
            "peak memory, dense/unpatched": peaks["dense"] / peaks["unpatched"],
        }
        if number:
            row["turns/ours"] = number * seconds["unpatched"] / seconds["ours"]
        add_row(figures, number, row)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", action="store_true", help="whole models on CUDA")
    parser.add_argument("--whole", action="store_true", help="on a CPU too, at N = 8")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    device = torch.device("cuda" if arguments.gpu else "cpu")
    torch.set_num_threads(1)
    add_comfyui_to_path(() if arguments.gpu else ("--cpu", "--use-pytorch-cross-attention"))
    from .forward import forward_calls, random_model

    figures: dict[str, Figures] = {}
    for name, job in (gpu_jobs() if arguments.gpu else cpu_jobs(arguments.whole)).items():
        model = random_model(job.config, torch.bfloat16, device)
        calls_at = partial(forward_calls, model, dtype=torch.bfloat16, device=device)
        figures[name] = forward_figures(job, calls_at, device, arguments.repeats)
    name = "speed_forward_gpu" if arguments.gpu else "speed_forward_cpu"
    print(f"written to {write_results(name, device, figures)}")


def gpu_jobs() -> dict[str, Job]:
    """Whole models at 1024 x 1024."""
    return {
        "klein 4B, 1024 x 1024": Job(klein_4b(), GRID[0], INSTANCES),
        "FLUX.1 Kontext 12B, 1024 x 1024": Job(kontext_12b(), GRID[0], INSTANCES),
    }


def cpu_jobs(whole: bool) -> dict[str, Job]:
    """One block at every N that has room at 512 x 512, and the whole model at N = 8."""
    counts = tuple(n for n in INSTANCES if n <= SMALL_MOST)
    side = GRID[0] // 2
    block = Shape(KLEIN_4B.hidden, double=0, single=1)
    jobs = {"one single block of klein 4B, 512 x 512": Job(klein_4b(block), side, counts)}
    if whole:
        jobs["klein 4B, 512 x 512"] = Job(klein_4b(), side, (8,))
    return jobs


if __name__ == "__main__":
    main()
