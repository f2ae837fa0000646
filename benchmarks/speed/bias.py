"""What the bias costs at the 1024 x 1024 Kontext layout: time to build, bytes, one forward.

Run by `make bench`. The forward is ComfyUI's own Flux class, small (2 heads, 1 + 2 blocks), with
the pack's patch and without, at the same number of tokens, both on torch's attention. Processor
time of one thread: other programs on the machine do not change it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

import torch

from ...attention.mice import mice_bias
from ...attention.tokens import TokenLayout
from ...tools.load_pack import add_comfyui_to_path
from ..record import median_seconds, write_results
from .jobs import job_layout, job_masks

INSTANCES = (3, 8, 40, 285)
GRID = (64, 64)
REPEATS = 1
CPU = torch.device("cpu")


def build_seconds(layout: TokenLayout, repeats: int = 5) -> float:
    """Median seconds to build MICE's bias from its masks."""
    masks = job_masks(layout.instances, layout.latent_grid)
    seconds: list[float] = []
    for _ in range(repeats):
        start = time.process_time()
        mice_bias(layout, masks)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def bytes_ratio(layout: TokenLayout) -> float:
    """Bytes of the structured bias over those of a (Z, Z) float32 matrix."""
    bias = mice_bias(layout, job_masks(layout.instances, layout.latent_grid))
    return bias.nbytes / (4 * layout.total**2)


def measure(layout: TokenLayout, calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """The figures of one number of instances."""
    seconds = median_seconds({name: calls[name] for name in ("unpatched", "ours")}, CPU, REPEATS)
    return {
        "tokens": layout.total,
        "build_s": round(build_seconds(layout), 4),
        "bytes_ratio": round(bytes_ratio(layout), 5),
        "unpatched_s": round(seconds["unpatched"], 3),
        "patched_s": round(seconds["ours"], 3),
        "forward_ratio": round(seconds["ours"] / seconds["unpatched"], 3),
    }


def main() -> None:
    torch.set_num_threads(1)
    add_comfyui_to_path(("--cpu", "--use-pytorch-cross-attention"))
    from .forward import forward_calls, tiny_model

    model = tiny_model()
    figures: dict[str, object] = {}
    print(f"{'N':>4} {'tokens':>7} {'build s':>8} {'bytes %':>8} {'forward ratio':>14}")
    for instances in INSTANCES:
        layout = job_layout(instances, GRID)
        row = measure(layout, forward_calls(model, layout, torch.float32, CPU))
        figures[str(instances)] = row
        print(
            f"{instances:>4} {row['tokens']:>7} {row['build_s']:>8.3f} "
            f"{100 * row['bytes_ratio']:>8.2f} {row['forward_ratio']:>14.2f}"
        )
    print(f"written to {write_results('bias', CPU, figures)}")


if __name__ == "__main__":
    main()
