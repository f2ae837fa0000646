"""Reference images that a model of this ComfyUI would drop without a word are refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from .call import Options, bare_model
from .carrier import every_cond
from .families import find_family


def refuse_dropped_references(model: Any, conds: Mapping[str, Sequence[Options]]) -> None:
    """Refuse reference images that core would drop without a word.

    Args:
        model: the MODEL that is sampled.
        conds: core's own, of one run.

    Raises:
        ValueError: with what to do.
    """
    diffusion = bare_model(model.model.diffusion_model)
    family = find_family(diffusion)
    seen = any(cond.get("reference_latents") for cond in every_cond(conds))
    if seen and family is not None and family.drops_references(diffusion):
        raise ValueError(
            f"{family.name} does not look at reference images in this ComfyUI, which drops them "
            "without a word. Remove Reference Latent, update ComfyUI, or use a model that edits "
            "(FLUX.1 Kontext, FLUX.2, Qwen-Image-Edit)."
        )
