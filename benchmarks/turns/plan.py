"""What `benchmarks.turns` compares, table by table.

The seam is imported: `add_comfyui_to_path` comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from .rounds import (
    LQR,
    Rounds,
    lqr_rounds,
    naive,
    naive_located,
    naive_saved,
    naive_undrifted,
    one_pass,
    one_pass_undrifted,
)

EDITING: dict[str, Rounds | LQR] = {
    "naive": naive,
    "naive_saved": naive_saved,
    "naive_located": naive_located,
    "naive_undrifted": naive_undrifted,
    "single_first": LQR(single="first"),
    "single_previous": LQR(single="previous"),
    "dual": LQR(),
    "dual_adaptive": LQR(adaptive=True),
    "dual_saved": LQR(saved=True),
    "dual_saved_0.4": LQR(saved=True, tolerance=0.4),
    "single_first_published": LQR(single="first", tolerance=0.0),
    "single_previous_published": LQR(single="previous", tolerance=0.0),
    "dual_published": LQR(tolerance=0.0),
    "dual_adaptive_published": LQR(adaptive=True, tolerance=0.0),
    "dual_masked": LQR(mask="painted", tolerance=0.0),
    "dual_located": LQR(mask="located", tolerance=0.0),
    "mice_one_pass": one_pass,
    "mice_one_pass_undrifted": one_pass_undrifted,
}
RECONSTRUCTION: dict[str, Rounds | LQR] = {
    "naive": naive,
    "inversion_alone": LQR(eta=0.0, gamma=0.0, tolerance=0.0),
    "single_first_published": LQR(single="first", tolerance=0.0),
    "single_previous_published": LQR(single="previous", tolerance=0.0),
    "dual_published": LQR(tolerance=0.0),
    "dual_all_steps": LQR(lqr_steps=8, tolerance=0.0),
    "dual": LQR(),
}
PUBLISHED = LQR(tolerance=0.0)
UNREFERENCED: dict[str, Rounds | LQR] = {
    name: replace(method, reference=False)
    for name, method in RECONSTRUCTION.items()
    if isinstance(method, LQR)
}
"""As the paper's model, which takes no reference."""
SWEEPS: dict[str, dict[str, Rounds | LQR]] = {
    "tolerance": {f"{t:g}": LQR(tolerance=t) for t in (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)},
    "lambda": {f"{w:g}": replace(PUBLISHED, weight=w, lqr_steps=4) for w in (0.0, 0.3, 0.7, 1.0)},
    "eta": {f"{eta:g}": replace(PUBLISHED, eta=eta, lqr_steps=4) for eta in (0.3, 0.6, 0.9, 1.0)},
    "eta_all": {
        f"{eta:g}": replace(PUBLISHED, eta=eta, lqr_steps=8)
        for eta in (0.02, 0.05, 0.1, 0.2, 0.4, 1.0)
    },
    "lqr_steps": {str(n): replace(PUBLISHED, lqr_steps=n) for n in (0, 1, 2, 4, 5, 6, 8)},
}


class Told(NamedTuple):
    """A way to edit in rounds, and the words that tell it from every other."""

    told: str
    rounds: Rounds


def told_apart(methods: Mapping[str, Rounds | LQR]) -> dict[str, Told]:
    """Methods by their name, settings as what they come to."""
    return {
        name: Told(str(method), lqr_rounds(method))
        if isinstance(method, LQR)
        else Told(method.__name__, method)
        for name, method in methods.items()
    }


Plan = dict[str, dict[str, Told]]
PLAN: Plan = {
    table: told_apart(methods)
    for table, methods in {
        "editing": EDITING,
        "reconstruction": RECONSTRUCTION,
        "reconstruction_unreferenced": UNREFERENCED,
        "editing_unreferenced": UNREFERENCED,
        **SWEEPS,
    }.items()
}
