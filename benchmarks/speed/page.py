"""The tables of results/speed.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..grid import counts, grid, numbers
from ..touched.page import touched_tables

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
SIZES = {
    "ours/unpatched": "ours / unpatched",
    "all keys/unpatched": "ours, all keys / unpatched",
    "all keys/dense": "ours, all keys / dense",
}
FORWARDS = ("ours/unpatched", "ours/dense", "turns/ours")
Ratios = Mapping[str, Mapping[str, float]]


def speed_tables(read: Callable[[str], Any]) -> dict[str, str]:
    """Every table from speed_cpu.json, speed_sizes_cpu.json, speed_forward_cpu.json and
    touched.json."""
    names = "speed_cpu", "speed_sizes_cpu", "speed_forward_cpu", "touched"
    attention, sizes, forwards, touched = map(read, names)
    return {
        "targets": targets_table(attention),
        "alternatives": alternatives_table(attention),
        "other sizes": sizes_table(sizes),
        "whole forwards": forwards_table(forwards),
        **touched_tables(touched),
    }


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


def sizes_table(figures: Mapping[str, Any]) -> str:
    """One attention at smaller pictures."""
    sizes = {name: ratios for name, ratios in figures.items() if name != "about"}
    rows = {
        f"{name}: {label}": numbers(ratios[key])
        for name, ratios in sizes.items()
        for key, label in SIZES.items()
    }
    return grid("time", rows, counts(*(ratios["ours/unpatched"] for ratios in sizes.values())))


def forwards_table(figures: Mapping[str, Any]) -> str:
    """Whole forwards of every model that was run."""
    models = {name: job for name, job in figures.items() if name != "about"}
    rows = {
        f"{name}: {key.replace('/', ' / ')}": numbers(job[key])
        for name, job in models.items()
        for key in FORWARDS
    }
    return grid("time", rows, counts(*(job[FORWARDS[0]] for job in models.values())))
