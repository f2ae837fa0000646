"""The page about LoRAs that were trained with the masks active, from its figures.

python -m tools.run benchmarks.leak.trained_loras_report
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..record import RESULTS

PAGE = RESULTS / "trained_loras.md"
NAMES = {"base": "none: the base", "with": "with *dis*", "without": "with no bias"}


def page(results: Mapping[str, Any]) -> str:
    """The whole page, of what ``trained_loras.json`` holds."""
    settings, loras = results["settings"], results["loras"]
    parts = (HEAD.format(**settings), table(loras), *verdicts(loras), FOOT)
    return "\n\n".join(parts) + "\n"


def table(loras: Mapping[str, Any]) -> str:
    """Success in percent, MAE_B in 0-255 and differences in points, each with its 95 % interval."""
    rows = ["| LoRA trained | seed | success | minus the base | minus trained without | MAE_B |"]
    rows.append("|---|---|---|---|---|---|")
    for name, row in loras.items():
        way, _, seed = name.partition("_")
        apart = [shown(row.get(f"minus {what}"), 100) for what in ("base", "without")]
        cells = (NAMES[way], seed, shown(row["success"], 100), *apart, shown(row["mae_b"], 1))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def shown(cell: Mapping[str, Any] | None, scale: int) -> str:
    """A mean and its interval; "" where there is none."""
    if cell is None:
        return ""
    digits = 2 if scale == 1 else 1
    low, high = (f"{scale * bound:.{digits}f}" for bound in cell["ci"])
    return f"{scale * cell['mean']:.{digits}f} [{low}, {high}]"


def verdicts(loras: Mapping[str, Any]) -> list[str]:
    """What the differences come to, counted."""
    said = []
    for what, words in (("base", "the base"), ("without", "the one trained without")):
        cells = [row[f"minus {what}"] for name, row in loras.items() if name.startswith("with_")]
        above = sum(cell["ci"][0] > 0 for cell in cells)
        below = sum(cell["ci"][1] < 0 for cell in cells)
        said.append(
            f"LoRAs trained with *dis* whose difference to {words} has an interval that excludes "
            f"0: {above} of {len(cells)} are better, {below} worse."
        )
    return said


HEAD = """# LoRAs trained with the masks active

Made by `benchmarks.leak.trained_loras_report` from [trained_loras.json](trained_loras.json).

The miniature, {instances} instances of one class with instructions in conflict, edited with
IDAttn's *dis* in all blocks. LoRAs of rank 32 were trained by `make train-lora`'s own command on
{samples} samples with masks, {steps} steps of 8, once with *dis* and once with no bias, for each of
{seeds} seed(s) with samples of its own. {scenes} scenes that nobody trained on; differences are
scene by scene, from the same noise."""
FOOT = """All on one CPU thread; nothing here was measured on a GPU."""


def main() -> None:
    results = json.loads((RESULTS / "trained_loras.json").read_text(encoding="utf-8"))
    PAGE.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
