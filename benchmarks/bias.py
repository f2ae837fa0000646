"""What the bias costs at the 1024 x 1024 Kontext layout: time to build, bytes, one forward.

Run by `make bench`. The forward is ComfyUI's own Flux class, small (2 heads, 1 + 2 blocks), with
the pack's patch and without, at the same number of tokens, both on torch's attention.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch

from ..attention.mice import mice_bias
from ..attention.prompt_spans import PromptSpans
from ..attention.recipe import BiasRecipe
from ..attention.schedule import Stage
from ..attention.tokens import TokenLayout
from ..mask_ops.regions import InstanceRegion
from ..tools.load_pack import add_comfyui_to_path
from .record import median_seconds, write_results
from .scenes import scene_boxes, scene_layout, scene_masks

INSTANCES = (3, 8, 40, 285)
GRID = (64, 64)
REPEATS = 3
CPU = torch.device("cpu")


def build_seconds(layout: TokenLayout, repeats: int = 7) -> float:
    """Median seconds to build MICE's bias from its masks."""
    masks = scene_masks(layout.instances, layout.latent_grid)
    seconds: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        mice_bias(layout, masks)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def bytes_ratio(layout: TokenLayout) -> float:
    """Bytes of the structured bias over those of a (Z, Z) float32 matrix."""
    bias = mice_bias(layout, scene_masks(layout.instances, layout.latent_grid))
    return bias.nbytes / (4 * layout.total**2)


def scene_recipe(instances: int) -> BiasRecipe:
    """MICE in all blocks for ``scene_boxes``."""
    boxes = enumerate(scene_boxes(instances))
    regions = tuple(InstanceRegion(f"instruction {n}", box=box) for n, box in boxes)
    return BiasRecipe("MICE", regions, {"mice": partial(mice_bias)}, (Stage("mice", 0.0, 1.0),))


def flux_calls(layout: TokenLayout, instances: int) -> dict[str, Callable[[], object]]:
    """One forward of a small FLUX.1 at this layout, unpatched and patched."""
    from comfy.patcher_extension import WrappersMP

    from ..nodes.host import KEY, biased_forward
    from ..tests.with_comfyui import tiny_models

    flux = tiny_models.load_model(tiny_models.flux1_state_dict()).model.diffusion_model
    params = flux.params
    height, width = (side * params.patch_size for side in layout.latent_grid)
    generator = torch.Generator().manual_seed(0)
    x, *references = torch.randn((2, 1, params.in_channels, height, width), generator=generator)
    context = torch.randn((1, layout.text_total, params.context_in_dim), generator=generator)
    pooled = torch.randn((1, params.vec_in_dim), generator=generator)
    recipe = scene_recipe(instances)
    spans = PromptSpans(layout.text_lengths, tuple(r.instruction for r in recipe.regions))
    wrappers = {"wrappers": {WrappersMP.DIFFUSION_MODEL: {KEY: [biased_forward(recipe)]}}}
    time_and_guidance = torch.ones(1), torch.ones(1)

    def forward(options: dict[str, object], **extra: object) -> object:
        step, guidance = time_and_guidance
        with torch.inference_mode():
            return flux(x, step, context, pooled, guidance, references, None, options, **extra)

    return {
        "unpatched": lambda: forward({}),
        "patched": lambda: forward(wrappers, **{KEY: spans}),
    }


def measure(instances: int) -> dict[str, float]:
    """The figures of one number of instances."""
    layout = scene_layout(instances, GRID)
    seconds = median_seconds(flux_calls(layout, instances), CPU, REPEATS)
    return {
        "tokens": layout.total,
        "build_s": round(build_seconds(layout), 4),
        "bytes_ratio": round(bytes_ratio(layout), 5),
        "unpatched_s": round(seconds["unpatched"], 3),
        "patched_s": round(seconds["patched"], 3),
        "forward_ratio": round(seconds["patched"] / seconds["unpatched"], 3),
    }


def main() -> None:
    add_comfyui_to_path(("--cpu", "--use-pytorch-cross-attention"))
    figures: dict[str, object] = {}
    print(f"{'N':>4} {'tokens':>7} {'build s':>8} {'bytes %':>8} {'forward ratio':>14}")
    for instances in INSTANCES:
        row = measure(instances)
        figures[str(instances)] = row
        print(
            f"{instances:>4} {row['tokens']:>7} {row['build_s']:>8.3f} "
            f"{100 * row['bytes_ratio']:>8.2f} {row['forward_ratio']:>14.2f}"
        )
    print(f"written to {write_results('bias', CPU, figures)}")


if __name__ == "__main__":
    main()
