"""The tables of results/speed.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..grid import grid, numbers

TARGETS = {
    "ours/unpatched": "1.05 up to N = 8, 1.15 up to 40",
    "ours/dense": "never above 1",
    "memory/dense": "0.05",
    "turns/ours": "6 at N = 8",
    "padded/ours": "4 at N = 285",
    "all keys/unpatched": "1.05 up to N = 8, 1.10 up to 100",
}
NAMES = {"memory/dense": "extra memory/dense", "all keys/unpatched": "ours, all keys/unpatched"}
ALTERNATIVES = {
    "dense/unpatched": "dense bias",
    "fold/unpatched": "bias folded into 2 N + 1 further dimensions",
    "flex/unpatched": "FlexAttention, compiled",
}
FORWARDS = ("ours/unpatched", "ours/dense", "turns/ours")
SKIPPED = {
    "skipping, near regions": "near regions (latent and reference cut)",
    "floor": "its floor",
    "skipping, whole": "whole (the reference stays)",
    "ours": "not skipping",
    "dense": "dense bias",
}
TEN = "0.1"
EDITED = {
    "mice": "MICE",
    "idattn_har_dis_har": "IDAttn har, dis, har",
    "idattn_dis_dis_dis": "IDAttn dis throughout",
}
WHOLE, DEFAULT = "whole", "margin 1"
Ratios = Mapping[str, Mapping[str, float]]


def speed_tables(read: Callable[[str], Any]) -> dict[str, str]:
    """Every table from speed_cpu.json, speed_forward_cpu.json and touched.json."""
    attention, forwards, touched = (
        read(name) for name in ("speed_cpu", "speed_forward_cpu", "touched")
    )
    return {
        "targets": targets_table(attention),
        "alternatives": alternatives_table(attention),
        "whole forwards": forwards_table(forwards),
        "touched": touched_table(touched),
        "touched quality": quality_table(touched["quality"]),
    }


def counts(*rows: Mapping[str, float]) -> dict[str, str]:
    """Headings of all N that are measured but 0."""
    found = sorted({int(n) for row in rows for n in row} - {0})
    return {str(n): f"N = {n}" for n in found}


def targets_table(figures: Ratios) -> str:
    """One attention beside what the project wants of it."""
    rows = {
        NAMES.get(key, key).replace("/", " / "): {"target": target, **numbers(figures[key])}
        for key, target in TARGETS.items()
    }
    return grid("", rows, {"target": "target", **counts(figures["ours/unpatched"])})


def alternatives_table(figures: Ratios) -> str:
    """What else could carry the bias."""
    rows = {label: numbers(figures[key]) for key, label in ALTERNATIVES.items()}
    return grid("time / unpatched", rows, counts(*(figures[key] for key in ALTERNATIVES)))


def forwards_table(figures: Mapping[str, Any]) -> str:
    """Whole forwards of every model that was run."""
    models = {name: job for name, job in figures.items() if name != "about"}
    rows = {
        f"{name}: {key.replace('/', ' / ')}": numbers(job[key])
        for name, job in models.items()
        for key in FORWARDS
    }
    return grid("time", rows, counts(*(job[FORWARDS[0]] for job in models.values())))


def touched_table(figures: Mapping[str, Any]) -> str:
    """Skip Background against the share touched, and what the targets say of it."""
    instances = "8"
    ratios = {
        name: {share: by[instances] for share, by in by_share.items() if instances in by}
        for name, by_share in figures["forward_ratio"].items()
    } | {"floor": figures["floor"]}
    columns = {share: f"{100 * float(share):g} %" for share in figures["floor"]}
    rows = {label: numbers(ratios[name], 3) for name, label in SKIPPED.items()}
    skipping = ratios["skipping, near regions"][TEN]
    over = figures["over_floor"]["near regions"][TEN][instances]
    said = f"At 10 %: {skipping:.3f} (target 0.15), {over:.2f} of its floor (target 1.2)."
    return (
        f"{figures['setting']}, N = {instances}.\n\n"
        + grid("forward / unpatched", rows, columns)
        + f"\n\n{said}"
    )


def quality_table(quality: Mapping[str, Any]) -> str:
    """Edits that skip the background beside whole ones, and what the targets say of them."""
    rows: dict[str, dict[str, str]] = {}
    for method, label in EDITED.items():
        for count, ways in quality[method].items():
            for way, cell in ways.items():
                said = (
                    f"{100 * cell['success']:.0f} ({100 * cell['leak']:.0f}), {cell['mae_b']:.2f}"
                )
                rows.setdefault(f"{label}: {way}", {})[count] = said
    table = grid("success % (leakage %), MAE_B", rows, counts(*rows.values()))
    return f"{table}\n\n{_against_whole(quality)}"


def _against_whole(quality: Mapping[str, Any]) -> str:
    both = [ways for by_count in quality.values() for ways in by_count.values() if DEFAULT in ways]
    pairs = [(ways[DEFAULT], ways[WHOLE]) for ways in both]
    lost = max(100 * (whole["success"] - cell["success"]) for cell, whole in pairs)
    worse = max(cell["mae_b"] - whole["mae_b"] for cell, whole in pairs)
    background = f"rises by up to {worse:.2f}" if worse > 0 else "rises nowhere"
    return (
        f"With *{DEFAULT}*, the node's own, at most {max(lost, 0):.1f} points of success are lost "
        f"(target 1), and MAE_B {background} (target: nowhere)."
    )
