"""The tables of results/regions.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..grid import grid, numbers
from .figures import TRUTHS, edit_lines

MIDDLE, LAST_BUT_ONE, DEFAULT = "middle", -2, "0.5"
WANTED = 0.6


def regions_tables(read: Callable[[str], Any]) -> dict[str, str]:
    """Every table from regions.json and capture.json."""
    figures, capture = read("regions"), read("capture")
    methods = figures["methods"]
    return {
        "found": found_table(figures),
        "blocks": blocks_table(figures),
        "thresholds": thresholds_table(figures),
        "edits": "\n".join(line for kind in methods for line in edit_lines(kind, methods[kind])),
        "memory": memory_line(capture),
    }


def found_table(figures: Mapping[str, Any]) -> str:
    """IoU as the papers read and at best, in every sense of "true"; and whether it is enough."""
    by_truth = {truth: found(figures, truth) for truth in TRUTHS}
    labels = dict.fromkeys(label for cells in by_truth.values() for label in cells)
    rows = {
        label: numbers({truth: cells[label] for truth, cells in by_truth.items() if label in cells})
        for label in labels
    }
    best = figures["best"]["touched"]
    met = [f"{kind} {entry['iou']:.2f} ({entry['reading']})" for kind, entry in best.items()]
    reached = all(entry["iou"] >= WANTED for entry in best.values())
    said = f"Target: an IoU of {WANTED} on *touched*, at best: {', '.join(met)}: "
    return (
        grid("mean IoU", rows, {truth: truth for truth in TRUTHS})
        + "\n\n"
        + said
        + ("met by all." if reached else "not met by all.")
    )


def found(figures: Mapping[str, Any], truth: str) -> dict[str, float]:
    """{reading: IoU} for one sense of "true"."""
    iid = figures["iid_iou"][truth]["1"]
    blocks = sorted((block for block in iid if block.isdigit()), key=int)
    foi = figures["foi_iou"][truth]["latent"]["1"]
    best = figures["best"][truth]
    return {
        "IID, first step, last block but one (the paper's)": iid[blocks[LAST_BUT_ONE]],
        "IID, best step and block": best["iid"]["iou"],
        "velocity contrast, one step": figures["contrast_iou"][truth]["1"],
        "FoI, first step, middle blocks, threshold 0.5 (the paper's)": foi[MIDDLE],
        "FoI, best reading": best["foi"]["iou"],
    }


def blocks_table(figures: Mapping[str, Any]) -> str:
    """IoU on *touched* by step and block."""
    rows = {f"IID, step {s}": numbers(r) for s, r in figures["iid_iou"]["touched"].items()}
    for source, by_step in figures["foi_iou"]["touched"].items():
        rows |= {f"FoI, {source}, step {s}": numbers(r) for s, r in by_step.items()}
    blocks = dict.fromkeys(block for row in rows.values() for block in row)
    return grid("reading", rows, {block: f"block {block}" for block in blocks})


def thresholds_table(figures: Mapping[str, Any]) -> str:
    """IoU on *touched* of FoI's best block at the first step, by threshold."""
    rows = {source: numbers(row) for source, row in figures["foi_by_threshold"]["touched"].items()}
    thresholds = dict.fromkeys(threshold for row in rows.values() for threshold in row)
    return grid("FoI reads", rows, {threshold: threshold for threshold in thresholds})


def memory_line(capture: Mapping[str, Any]) -> str:
    """What reading one block holds."""
    whole = capture["full_softmax_mib"] / 1024
    return (
        f"Reading one block at 1024 x 1024 with one reference ({capture['tokens']} tokens, "
        f"{capture['heads']} heads) holds {capture['peak_mib']} MiB at most, where the softmax as "
        f"a whole is {whole:.1f} GiB."
    )
