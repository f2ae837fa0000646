"""Time and memory of one attention beside every alternative: `make bench`, `make bench-gpu`.

Needs torch and einops only (and matplotlib for the picture). `turns` are N edits one after the
other, `multidiffusion` N + 1 predictions; both are counted as that many attentions of one edit.
`dense` is given its matrix ready-made. `memory/dense` is the peak of ours above the unpatched peak,
which includes the copy that joins the heads, over the bytes of the matrix. `all keys` is ours where
the proof has failed, so that no faint key is left out. `fold` has the bias as further dimensions of
queries and keys, `flex` is FlexAttention. `padded/ours` comes from a part of the queries at 200
tokens a prompt.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping
from typing import Any

import torch

from ..record import (
    Calls,
    median_ratio,
    median_seconds,
    peak_bytes,
    seconds_by_round,
    write_results,
)
from .alternatives import PADDED_QUERIES, attention_calls, flex_call, fold_call, padded_call
from .jobs import job_layout
from .plot import plot_speed

INSTANCES = (0, 1, 3, 8, 20, 40, 100, 285)
GRID = (64, 64)
HEADS, WIDTH = 24, 128
"""Of FLUX.1 and FLUX.2 klein 4B."""
TIMED_ON_CPU = 8
"""So many heads are timed on a CPU: the ways take turns every second, so that the machine's pace
changes little within a round. What a call costs beside its pairs is counted three times by that."""
FLEX_REPEATS = 7
PADDED_WORDS = 200
FOLDED = 40
"""Most instances that are folded: two dimensions each."""
Figures = dict[str, dict[str, float]]


def attention_figures(
    device: torch.device, heads: int, references: int, repeats: int, flex: bool = True
) -> Figures:
    """Ratios by name and N at the 1024 x 1024 layout, bf16."""
    figures: Figures = {}
    kind = (heads, WIDTH, torch.bfloat16, device)
    turn = job_layout(1, GRID, references)
    for instances in INSTANCES:
        layout = job_layout(instances, GRID, references)
        calls = attention_calls(layout, *kind)
        if instances:
            calls["turn"] = attention_calls(turn, *kind)["unpatched"]
        if 0 < instances <= FOLDED:
            calls["fold"] = fold_call(layout, *kind)
        rounds = seconds_by_round(calls, device, repeats)
        peaks = warm_peaks(attention_calls(layout, HEADS, *kind[1:]), device)
        row = {
            "seconds/unpatched": statistics.median(rounds["unpatched"]),
            "ours/unpatched": median_ratio(rounds["ours"], rounds["unpatched"]),
            "ours/dense": median_ratio(rounds["ours"], rounds["dense"]),
            "memory/dense": (peaks["ours"] - peaks["unpatched"]) / (2 * layout.total**2),
        }
        for name in ("all keys", "dense", "fold"):
            if name in rounds:
                row[f"{name}/unpatched"] = median_ratio(rounds[name], rounds["unpatched"])
        if instances and flex:
            pair = {"unpatched": calls["unpatched"], "flex": flex_call(layout, *kind)}
            few = seconds_by_round(pair, device, min(repeats, FLEX_REPEATS))
            row["flex/unpatched"] = median_ratio(few["flex"], few["unpatched"])
        if instances:
            share = median_ratio(rounds["turn"], rounds["ours"])
            row["turns/ours"] = instances * share
            row["multidiffusion/ours"] = (instances + 1) * share
        if instances == max(INSTANCES):
            padded = padded_seconds(instances, references, kind, repeats)
            row["padded/ours"] = padded / statistics.median(rounds["ours"])
        add_row(figures, instances, row)
    return figures


def warm_peaks(calls: Calls, device: torch.device) -> dict[str, int]:
    """Peak bytes of unpatched and ours in a second call: plans are kept."""
    peaks = {}
    for name in ("unpatched", "ours"):
        calls[name]()
        peaks[name] = peak_bytes(calls[name], device)
    return peaks


def padded_seconds(instances: int, references: int, kind: tuple[Any, ...], repeats: int) -> float:
    """Seconds of an unmasked attention with 200 tokens a prompt, from a part of its queries."""
    total = job_layout(instances, GRID, references, PADDED_WORDS).total
    call = padded_call(total, *kind)
    seconds = median_seconds({"padded": call}, kind[-1], repeats)["padded"]
    return seconds * total / PADDED_QUERIES


def add_row(figures: Figures, instances: int, row: Mapping[str, float]) -> None:
    """Note the figures of one N and print them."""
    print(f"N = {instances}: " + ", ".join(f"{name} {value:.3f}" for name, value in row.items()))
    for name, value in row.items():
        figures.setdefault(name, {})[str(instances)] = round(value, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", action="store_true", help="CUDA, 1 to 4 references")
    parser.add_argument("--heads", type=int, help="timed; 24 on CUDA, else 8")
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--no-flex", action="store_true", help="where nothing can be compiled")
    arguments = parser.parse_args()
    device = torch.device("cuda" if arguments.gpu else "cpu")
    settings = (arguments.repeats, not arguments.no_flex)
    heads = arguments.heads or (HEADS if arguments.gpu else TIMED_ON_CPU)
    torch.set_num_threads(1)
    results: dict[str, Any] = {
        "layout": f"1024 x 1024, one reference, bf16, {heads} heads of {WIDTH}",
        **attention_figures(device, heads, 1, *settings),
    }
    for references in (2, 3, 4) if arguments.gpu else ():
        figures = attention_figures(device, heads, references, *settings)
        results[f"{references} references"] = figures
    path = write_results("speed_gpu" if arguments.gpu else "speed_cpu", device, results)
    print(f"written to {path} and {plot_speed(results, path.with_suffix('.png'))}")


if __name__ == "__main__":
    main()
