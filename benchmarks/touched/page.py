"""The tables of results/speed.md on computing only what is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..grid import counts, grid, numbers

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


def touched_tables(figures: Mapping[str, Any]) -> dict[str, str]:
    """Every table from touched.json."""
    return {
        "touched": touched_table(figures),
        "touched settings": settings_table(figures["settings"]),
        "touched quality": quality_table(figures["quality"]),
    }


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


def settings_table(settings: Mapping[str, Any]) -> str:
    """A tenth touched, in every setting that was measured."""
    rows: dict[str, dict[str, str]] = {}
    for setting, entry in sorted(settings.items()):
        ratios = entry["forward_ratio"] | {"floor": entry["floor"]["floor, near regions"]}
        for count in sorted(entry["touched"], key=int):
            at_ten = {name: ratios[name][TEN][count] for name in SKIPPED}
            rows[f"{setting}, N = {count}"] = numbers(at_ten)
    return grid("forward / unpatched, 10 % touched", rows, SKIPPED)


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
