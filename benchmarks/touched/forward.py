"""What a forward costs against the share of the picture that is touched.

    python -m tools.run benchmarks.touched.forward [--only 0,3]

`make bench-touched` runs it, `quality` and `report` one after the other.

Whole forwards of ComfyUI's Flux class at real widths and few blocks, random weights, one reference
as large as the picture, one thread. Every job's calls are timed in turns, one round unmeasured,
those of a share beside an unpatched call of their own, and kept under `build/touched/`, so that a
run may be cut short. `floor` is an unpatched forward over as many tokens as are kept. N edits in
turn are N unpatched forwards, MultiDiffusion N + 1.

Query and key norms have one scale, 1 or 2: the larger, the less is proved of far keys.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...tools.load_pack import add_comfyui_to_path
from ...tools.model_shapes import Shape, klein_4b, kontext_12b
from ..cache import cache_folder
from ..record import seconds_by_round
from .jobs import touching_regions

SHARES = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
REPEATS = 7
HIDDEN = 3072
WIDTHS = {"klein 4B": klein_4b, "FLUX.1": kontext_12b}
Figures = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """One row of measurements.

    Attributes:
        widths: whose.
        side: tokens of the picture's side, 16 pixels each.
        instances: N.
        scale: of the query and key norms.
        double, single: how many blocks.
        shares: touched.
    """

    widths: str
    side: int
    instances: int
    scale: float = 1.0
    double: int = 1
    single: int = 1
    shares: tuple[float, ...] = SHARES

    @property
    def name(self) -> str:
        size = 16 * self.side
        blocks = f"{self.double} double and {self.single} single block(s)"
        return f"{self.widths}, {size} x {size}, {blocks}, norm scale {self.scale:g}"


MAIN = Plan("klein 4B", 64, 8, single=2)
FEW = (0.02, 0.1, 0.5)
PLANS = (
    MAIN,
    *(Plan("klein 4B", 32, n) for n in (1, 8, 40)),
    *(Plan("klein 4B", 64, n, single=2, shares=(0.1, 0.5)) for n in (1, 40)),
    *(Plan(widths, 32, 8, scale=2.0, shares=(0.1,)) for widths in WIDTHS),
    Plan("klein 4B", 64, 8, scale=2.0, shares=(0.1,)),
    Plan("klein 4B", 48, 8, shares=FEW),
    Plan("FLUX.1", 32, 8, shares=FEW),
    Plan("FLUX.1", 64, 8, shares=(0.1,)),
    Plan("klein 4B", 96, 8, shares=(0.1,), double=0),
)


def measure(plan: Plan, repeats: int) -> Figures:
    """Seconds of every call by round, {call: {share: [seconds]}}, and what each share touches."""
    from ..speed.forward import random_model
    from .calls import Job

    device = torch.device("cpu")
    shape = Shape(HIDDEN, plan.double, plan.single)
    model = random_model(WIDTHS[plan.widths](shape), torch.bfloat16, device, plan.scale)
    calls: dict[str, Callable[[], object]] = {}
    touched: dict[str, float] = {}
    for share in plan.shares:
        job = Job(model, touching_regions(plan.instances, share, plan.side), plan.side)
        touched[f"{share:g}"] = round(job.share(), 4)
        whole = job.whole()
        if len(touched) > 1:
            del whole["dense"]  # the same at every share
        calls |= {f"{name}|{share:g}": call for name, call in (whole | job.cut()).items()}
    # the first forward of a run may be made twice, where scales do not prove that keys are faint
    rounds = seconds_by_round(calls, device, repeats, twice=plan.scale > 1)
    figures: Figures = {"touched": touched}
    for name, seconds in rounds.items():
        call, _, share = name.partition("|")
        figures.setdefault(call, {})[share] = seconds
    return figures


def kept_figures(folder: Path) -> dict[Plan, Figures]:
    """What ``main`` has measured so far."""
    paths = {plan: folder / f"{number}.json" for number, plan in enumerate(PLANS)}
    return {plan: json.loads(path.read_text()) for plan, path in paths.items() if path.exists()}


def forward_folder() -> Path:
    """Where the seconds of every plan are kept."""
    code = ["benchmarks/touched", "host", "attention", "attention/execute"]
    return cache_folder("touched", code, "forward")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--only", default="", help="numbers of the jobs to measure, e.g. 0,3")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    add_comfyui_to_path(("--cpu", "--use-pytorch-cross-attention"))
    folder = forward_folder()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [int(n) for n in arguments.only.split(",") if n] or range(len(PLANS))
    for number in chosen:
        path = folder / f"{number}.json"
        if not path.exists():
            figures = measure(PLANS[number], arguments.repeats)
            path.write_text(json.dumps(figures))
        print(PLANS[number], path.read_text(), flush=True)


if __name__ == "__main__":
    main()
