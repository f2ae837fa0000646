"""One forward of ComfyUI's own Flux class at a layout: unpatched, ours, and with a dense bias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch

from ...attention.mice import mice_bias
from ...attention.recipe import BiasRecipe
from ...attention.schedule import equal_stages
from ...attention.tokens import TokenLayout
from ...mask_ops.regions import InstanceRegion
from ...prompts.spans import PromptSpans
from .scenes import scene_boxes

KLEIN_4B = {"hidden_size": 3072, "num_heads": 24, "context_in_dim": 7680}
KONTEXT_12B = {
    "hidden_size": 3072,
    "num_heads": 24,
    "context_in_dim": 4096,
    "vec_in_dim": 768,
    "guidance_embed": True,
}


def random_flux(
    params: dict[str, Any], double: int, single: int, dtype: torch.dtype, device: torch.device
) -> Any:
    """ComfyUI's Flux with small random weights.

    Args:
        params: as core's detection finds them, e.g. ``klein_params()``.
        double, single: numbers of blocks.
    """
    import comfy.ldm.flux.model
    import comfy.ops

    flux = comfy.ldm.flux.model.Flux(
        **params,
        depth=double,
        depth_single_blocks=single,
        dtype=dtype,
        device=device,
        operations=comfy.ops.disable_weight_init,
    )
    with torch.no_grad():
        for weight in flux.parameters():
            weight.normal_(std=0.02)
    return flux.eval()


def klein_params() -> dict[str, Any]:
    """FLUX.2 klein 4B's real widths (5 double and 20 single blocks)."""
    from ...tests.with_comfyui.tiny_models import _FLUX2

    return {**_FLUX2, "guidance_embed": False, **KLEIN_4B}


def kontext_params() -> dict[str, Any]:
    """FLUX.1 Kontext 12B's real widths (19 double and 38 single blocks)."""
    from ...tests.with_comfyui.tiny_models import _FLUX1

    return {**_FLUX1, **KONTEXT_12B}


def scene_recipe(instances: int) -> BiasRecipe:
    """MICE in all blocks for ``scene_boxes``."""
    boxes = enumerate(scene_boxes(instances))
    regions = tuple(InstanceRegion(f"instruction {n}", box=box) for n, box in boxes)
    return BiasRecipe("MICE", regions, {"mice": mice_bias}, equal_stages(("mice",)))


def forward_calls(
    flux: Any, layout: TokenLayout, dtype: torch.dtype, device: torch.device
) -> dict[str, Callable[[], object]]:
    """Forwards at equal token count: "unpatched", "ours" and "dense"."""
    from comfy.patcher_extension import WrapperExecutor

    from ...host.call import KEY
    from ...host.families.flux import FLUX2_TEXT_TOKENS
    from ...host.patch import biased_forward

    params = flux.params
    if params.global_modulation:
        missing = max(0, FLUX2_TEXT_TOKENS - layout.text_total)
        first, *rest = layout.text_lengths
        layout = replace(layout, text_lengths=(first + missing, *rest))
    height, width = (side * params.patch_size for side in layout.latent_grid)
    make = partial(torch.randn, dtype=dtype, device=device)
    x = make(1, params.in_channels, height, width)
    references = [torch.randn_like(x) for _ in layout.reference_grids]
    context = make(1, layout.text_total, params.context_in_dim)
    pooled = None if params.vec_in_dim is None else make(1, params.vec_in_dim)
    one = torch.ones(1, dtype=dtype, device=device)
    recipe = scene_recipe(layout.instances)
    spans = PromptSpans(layout.text_lengths, tuple(r.instruction for r in recipe.regions))

    def model(x: torch.Tensor, *given: Any, **_: object) -> torch.Tensor:
        options = given[4]
        return flux(x, one, context, pooled, one, references, None, options)

    def forward(*wrappers: Callable[..., torch.Tensor]) -> Callable[[], object]:
        around = WrapperExecutor.new_class_executor(
            model, SimpleNamespace(diffusion_model=flux), list(wrappers)
        )
        extras = {KEY: ((spans,),), "ref_latents": references}

        def run() -> object:
            with torch.inference_mode():
                return around.execute(x, one, None, context, None, {}, **extras)

        return run

    return {
        "unpatched": forward(),
        "ours": forward(biased_forward(recipe)),
        "dense": forward(biased_forward(recipe, dense=True)),
    }
