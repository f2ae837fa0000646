"""One call of ComfyUI's own FLUX at a layout: unpatched, ours, and with a dense bias.

The seam is imported: `add_comfyui_to_path` comes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...attention.mice import mice_bias
from ...attention.recipe import BiasRecipe
from ...attention.schedule import equal_stages
from ...attention.tokens import TokenLayout
from ...host.carrier import attach_spans
from ...host.loading import empty_model
from ...host.patch import apply_instance_attention
from ...host.prediction import model_call
from ...mask_ops.regions import InstanceRegion
from ...prompts.spans import PromptSpans
from ...tools.model_shapes import SHALLOW, Config, flux1
from ...tools.random_weights import seed_weights
from .jobs import job_boxes

NORM = re.compile(r"(query|key)_norm\.")


@torch.no_grad()
def random_model(
    config: Config, dtype: torch.dtype, device: torch.device, norm_scale: float = 1.0
) -> Any:
    """A MODEL of this configuration with small random weights, on the device.

    Args:
        norm_scale: every scale of the query and key norms, which decides how long queries and keys
            are: sqrt(width of a head) times it.
    """
    model = empty_model(config, dtype, device)
    for name, weight in model.model.diffusion_model.named_parameters():
        if NORM.search(name):
            weight.fill_(norm_scale)
        else:
            weight.normal_(std=0.02)
    return model


def tiny_model() -> Any:
    """A FLUX.1 MODEL of 2 heads and 1 + 2 blocks with seeded weights, float32 on the CPU."""
    model = empty_model(flux1(SHALLOW), torch.float32)
    seed_weights(model.model.diffusion_model, seed=0)
    return model


def job_regions(instances: int) -> tuple[InstanceRegion, ...]:
    """The regions of ``job_boxes``."""
    boxes = enumerate(job_boxes(instances))
    return tuple(InstanceRegion(f"instruction {n}", box=box) for n, box in boxes)


def forward_calls(
    model: Any,
    layout: TokenLayout,
    dtype: torch.dtype,
    device: torch.device,
    regions: tuple[InstanceRegion, ...] | None = None,
) -> dict[str, Callable[[], Tensor]]:
    """Calls of a FLUX model at equal token count: "unpatched", "ours" and "dense".

    Args:
        regions: of the layout's instances; default ``job_regions``.
    """
    params = model.model.diffusion_model.params
    make = partial(torch.randn, dtype=dtype, device=device)
    height, width = (side * params.patch_size for side in layout.latent_grid)
    x = make(1, params.in_channels, height, width)
    extras: dict[str, Any] = {
        "reference_latents": [torch.randn_like(x) for _ in layout.reference_grids],
        "guidance": 1.0,
    }
    if params.vec_in_dim is not None:
        extras["pooled_output"] = make(1, params.vec_in_dim)
    regions = job_regions(layout.instances) if regions is None else regions
    recipe = BiasRecipe("MICE", regions, {"mice": mice_bias}, equal_stages(("mice",)))
    spans = PromptSpans(layout.text_lengths, tuple(region.instruction for region in regions))
    text = make(1, layout.text_total, params.context_in_dim)
    conditioning = attach_spans([[text, extras]], spans)
    models = {
        "ours": apply_instance_attention(model, recipe),
        "dense": apply_instance_attention(model, recipe, dense=True),
    }
    calls = {name: model_call(one, conditioning, x) for name, one in models.items()}
    return {"unpatched": model_call(model, [[text, extras]], x), **calls}
