"""Time and memory of one attention beside every alternative: `make bench`, `make bench-gpu`.

Needs torch and einops only (and matplotlib for the picture). `turns` are N edits one after the
other, `multidiffusion` N + 1 predictions; both are counted as that many attentions of one edit.
`dense` is given its matrix ready-made. `memory/dense` is the peak of ours above the unpatched peak,
which includes the copy that joins the heads, over the bytes of the matrix. `all keys` is ours with
logits so large that no faint key may be left out. `fold` has the bias as further dimensions of
queries and keys, `flex` is FlexAttention. `padded/ours` comes from a part of the queries at 200
tokens a prompt.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import torch

from ..record import median_seconds, peak_bytes, write_results
from .alternatives import PADDED_QUERIES, attention_calls, flex_call, fold_call, padded_call
from .jobs import job_layout
from .plot import plot_speed

INSTANCES = (0, 1, 3, 8, 20, 40, 100, 285)
GRID = (64, 64)
HEADS, WIDTH = 24, 128
"""Of FLUX.1 and FLUX.2 klein 4B."""
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
        if instances and flex:
            calls["flex"] = flex_call(layout, *kind)
        if instances:
            calls["turn"] = attention_calls(turn, *kind)["unpatched"]
        if 0 < instances <= FOLDED:
            calls["fold"] = fold_call(layout, *kind)
        seconds = median_seconds(calls, device, repeats)
        peaks = {name: peak_bytes(calls[name], device) for name in ("unpatched", "ours")}
        ours, unpatched = seconds["ours"], seconds["unpatched"]
        row = {
            "seconds/unpatched": unpatched,
            "ours/unpatched": ours / unpatched,
            "ours/dense": ours / seconds["dense"],
            "memory/dense": (peaks["ours"] - peaks["unpatched"]) / (2 * layout.total**2),
        }
        for name in ("all keys", "dense", "fold", "flex"):
            if name in seconds:
                row[f"{name}/unpatched"] = seconds[name] / unpatched
        if instances:
            row["turns/ours"] = instances * seconds["turn"] / ours
            row["multidiffusion/ours"] = (instances + 1) * seconds["turn"] / ours
        if instances == max(INSTANCES):
            row["padded/ours"] = padded_seconds(instances, references, kind, repeats) / ours
        add_row(figures, instances, row)
    return figures


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
    parser.add_argument("--heads", type=int, default=HEADS)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--no-flex", action="store_true", help="where nothing can be compiled")
    arguments = parser.parse_args()
    device = torch.device("cuda" if arguments.gpu else "cpu")
    settings = (arguments.repeats, not arguments.no_flex)
    torch.set_num_threads(1)
    results: dict[str, Any] = {
        "layout": f"1024 x 1024, one reference, bf16, {arguments.heads} heads of {WIDTH}",
        **attention_figures(device, arguments.heads, 1, *settings),
    }
    for references in (2, 3, 4) if arguments.gpu else ():
        figures = attention_figures(device, arguments.heads, references, *settings)
        results[f"{references} references"] = figures
    path = write_results("speed_gpu" if arguments.gpu else "speed_cpu", device, results)
    print(f"written to {path} and {plot_speed(results, path.with_suffix('.png'))}")


if __name__ == "__main__":
    main()
