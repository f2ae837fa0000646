"""The page about LoRAs of single instances, from its figures.

python -m tools.run benchmarks.leak.instance_loras_report
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..record import RESULTS

PAGE = RESULTS / "instance_loras.md"
COLUMNS = ("own style", "the other's style", "no style", "mae_b")
WAYS = ("one each", "one for all", "none")
METHODS = {"mice": "MICE", "idattn_dis": "IDAttn, dis"}


def page(styles: Mapping[str, Any], cost: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        styles, cost: what ``instance_loras.json`` and ``instance_loras_cpu.json`` hold.
    """
    return "\n\n".join((HEAD, style_table(styles), BETWEEN, cost_table(cost), FOOT)) + "\n"


def style_table(figures: Mapping[str, Any]) -> str:
    """Shares of the instances in percent, MAE_B in 0-255, each with its 95 % interval."""
    rows = ["| method | LoRAs | own style | the other's style | no style | MAE_B |"]
    rows.append("|---|---|---|---|---|---|")
    for method, name in METHODS.items():
        for way in WAYS:
            cells = [_shown(figures[method][way][column], column) for column in COLUMNS]
            rows.append(f"| {name} | {way} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _shown(cell: Mapping[str, Any], column: str) -> str:
    scale, digits = (1, 2) if column == "mae_b" else (100, 0)
    low, high = (f"{scale * bound:.{digits}f}" for bound in cell["ci"])
    return f"{scale * cell['mean']:.{digits}f} [{low}, {high}]"


def cost_table(figures: Mapping[str, Any]) -> str:
    """How many times as long a forward takes, by the share of the picture with a LoRA."""
    shares = figures["shares"]
    head = " | ".join(f"{100 * float(share):g} %" for share in shares)
    ratios = " | ".join(f"{row['with/without']:.3f}" for row in shares.values())
    return f"| covered | {head} |\n|---|{'---|' * len(shares)}\n| with / without | {ratios} |"


HEAD = """# LoRAs of single instances

Made by `benchmarks.leak.instance_loras_report` from [instance_loras.json](instance_loras.json)
and [instance_loras_cpu.json](instance_loras_cpu.json).

## Two like things, a LoRA each

The miniature, two things of one class, each with its own instruction. Two LoRAs of rank 16 were
trained on it (`demo.training.train_lora`): what one edits it draws *hollow*, what the other edits
as its upper *half*. The first instance shall be hollow, the second a half. *one each*: *Instance
LoRA* for both; *one for all*: the first file on the whole model; *none*: neither. A style is what
fits best of plain, hollow and half, drawn in the shape and colour that were asked for."""
BETWEEN = """## What it costs

Forwards of ComfyUI's Flux class at FLUX.2 klein 4B's widths, 1 double and 2 single blocks, random
weights, 1024 x 1024, one reference, one thread: two instances with LoRAs of rank 32 on all linear
layers, against the same without. Medians of seven calls in turns."""
FOOT = """Nothing here was measured on a GPU."""


def main() -> None:
    read = [
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("instance_loras", "instance_loras_cpu")
    ]
    PAGE.write_text(page(*read), encoding="utf-8")


if __name__ == "__main__":
    main()
