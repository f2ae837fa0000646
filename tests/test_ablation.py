"""MICE's ablations: every cell is there."""

from __future__ import annotations

import json

from instance_edit.benchmarks.leak.ablation import KERNELS, TEMPERATURES
from instance_edit.benchmarks.record import RESULTS

FIGURES = json.loads((RESULTS / "ablation.json").read_text(encoding="utf-8"))


def test_every_variant_is_measured_on_every_kind_of_region_and_k_by_tau_on_silhouettes() -> None:
    assert len(FIGURES["smoothing"]) == 3 * 3 + 1
    assert len(FIGURES["grid"]) == len(KERNELS) * len(TEMPERATURES)
    assert FIGURES["grid"]["3, 1"] == FIGURES["smoothing"]["MICE, exact"]
    assert FIGURES["grid"]["1, 1"] == FIGURES["smoothing"]["no smoothing (k = 1), exact"]
    cells = [*FIGURES["smoothing"].values(), *FIGURES["grid"].values()]
    assert all(0 <= cell["success"] <= 1 and 0 <= cell["leak"] <= 1 for cell in cells)
