"""Whole forwards of ComfyUI's Flux class, patched and not: run with `make bench` and `bench-gpu`.

On a CPU one single block of FLUX.2 klein 4B's real widths at 512 x 512 and, with `--whole`, all of
its blocks (12 GB, a quarter of an hour); on a GPU the whole klein 4B and FLUX.1 Kontext 12B at
1024 x 1024. Random weights, one reference.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import torch

from ...tools.load_pack import add_comfyui_to_path
from ..record import median_seconds, peak_bytes, write_results
from .forward import forward_calls, klein_params, kontext_params, random_flux
from .scenes import scene_layout
from .speed import GRID, INSTANCES, Figures, add_row

SMALL_MOST = 100
Job = tuple[tuple[dict[str, Any], int, int, int], tuple[int, ...]]
"""Parameters, double blocks, single blocks and tokens a side; and the numbers of instances."""


def forward_figures(
    calls_at: Callable[[int], Mapping[str, Callable[[], object]]],
    device: torch.device,
    instances: tuple[int, ...],
    repeats: int,
) -> Figures:
    """Ratios of whole forwards by name and N."""
    figures: Figures = {}
    for number in instances:
        calls = calls_at(number)
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


def forwards(
    params: dict[str, Any], double: int, single: int, side: int, device: torch.device
) -> Callable[[int], Mapping[str, Callable[[], object]]]:
    """Forwards of a model with these widths and blocks, by N."""
    flux = random_flux(params, double, single, torch.bfloat16, device)
    return lambda n: forward_calls(flux, scene_layout(n, (side, side)), torch.bfloat16, device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", action="store_true", help="whole models on CUDA")
    parser.add_argument("--whole", action="store_true", help="on a CPU too, at N = 8")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    device = torch.device("cuda" if arguments.gpu else "cpu")
    torch.set_num_threads(1)
    add_comfyui_to_path(() if arguments.gpu else ("--cpu", "--use-pytorch-cross-attention"))
    jobs = gpu_jobs() if arguments.gpu else cpu_jobs(arguments.whole)
    figures = {
        name: forward_figures(forwards(*job, device), device, counts, arguments.repeats)
        for name, (job, counts) in jobs.items()
    }
    name = "speed_forward_gpu" if arguments.gpu else "speed_forward_cpu"
    print(f"written to {write_results(name, device, figures)}")


def gpu_jobs() -> dict[str, Job]:
    """Whole models at 1024 x 1024."""
    return {
        "klein 4B, 1024 x 1024": ((klein_params(), 5, 20, GRID[0]), INSTANCES),
        "FLUX.1 Kontext 12B, 1024 x 1024": ((kontext_params(), 19, 38, GRID[0]), INSTANCES),
    }


def cpu_jobs(whole: bool) -> dict[str, Job]:
    """One block at every N that has room at 512 x 512, and the whole model at N = 8."""
    counts = tuple(n for n in INSTANCES if n <= SMALL_MOST)
    side = GRID[0] // 2
    jobs: dict[str, Job] = {
        "one single block of klein 4B, 512 x 512": ((klein_params(), 0, 1, side), counts)
    }
    if whole:
        jobs["klein 4B, 512 x 512"] = ((klein_params(), 5, 20, side), (8,))
    return jobs


if __name__ == "__main__":
    main()
