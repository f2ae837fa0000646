"""Time of one attention at smaller pictures: `make bench`.

As ``speed.py``, at 384, 512 and 768 pixels, with all heads. `all keys/dense` is what a block takes
whose proof has failed, over the dense bias.
"""

from __future__ import annotations

import argparse

import torch

from ..record import median_ratio, seconds_by_round, write_results
from .alternatives import attention_calls
from .jobs import job_layout
from .speed import HEADS, WIDTH, Figures, add_row

SIDES = (24, 32, 48)
INSTANCES = (1, 3, 8, 20, 40)
CELL = 16
"""Pixels a token."""
PAIRS = (
    ("ours", "unpatched"),
    ("all keys", "unpatched"),
    ("dense", "unpatched"),
    ("all keys", "dense"),
)


def size_figures(side: int, repeats: int) -> Figures:
    """Ratios by name and N for a picture of side x side tokens and one reference, bf16, CPU."""
    figures: Figures = {}
    device = torch.device("cpu")
    for instances in INSTANCES:
        layout = job_layout(instances, (side, side), 1)
        calls = attention_calls(layout, HEADS, WIDTH, torch.bfloat16, device)
        rounds = seconds_by_round(calls, device, repeats)
        row = {f"{a}/{b}": median_ratio(rounds[a], rounds[b]) for a, b in PAIRS}
        add_row(figures, instances, row)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=21)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = {
        f"{CELL * side} x {CELL * side}": size_figures(side, arguments.repeats) for side in SIDES
    }
    print(f"written to {write_results('speed_sizes_cpu', torch.device('cpu'), results)}")


if __name__ == "__main__":
    main()
