"""The tables of results/speed.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
NAMES = {
    "memory/dense": "extra memory/dense",
    "all keys/unpatched": "ours, all keys/unpatched",
    "all keys/dense": "ours, all keys/dense",
}
ALTERNATIVES = {
    "dense/unpatched": "dense bias",
    "fold/unpatched": "bias folded into 2 N + 1 further dimensions",
    "flex/unpatched": "FlexAttention, compiled",
}
SIZES = ("ours/unpatched", "all keys/unpatched", "all keys/dense")
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
        "other sizes": jobs_table(sizes, SIZES),
        "whole forwards": jobs_table(forwards, FORWARDS),
        **touched_tables(touched),
    }


def targets_table(figures: Ratios) -> str:
    """One attention beside what the project wants of it."""
    rows = {
        label(key): {"target": target, **numbers(figures[key])} for key, target in TARGETS.items()
    }
    return grid("", rows, {"target": "target", **counts(figures["ours/unpatched"])})


def alternatives_table(figures: Ratios) -> str:
    """What else could carry the bias."""
    rows = {label: numbers(figures[key]) for key, label in ALTERNATIVES.items()}
    return grid("time / unpatched", rows, counts(*(figures[key] for key in ALTERNATIVES)))


def jobs_table(figures: Mapping[str, Any], keys: Sequence[str]) -> str:
    """These ratios of every size or model that was run."""
    jobs = {name: job for name, job in figures.items() if name != "about"}
    rows = {
        f"{name}: {label(key)}": numbers(job[key]) for name, job in jobs.items() for key in keys
    }
    return grid("time", rows, counts(*(job[keys[0]] for job in jobs.values())))


def label(key: str) -> str:
    """A ratio's name as a table gives it."""
    return NAMES.get(key, key).replace("/", " / ")
