"""What other nodes hang on a guider's prediction: run as core's guiders run it, or refused."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from .kernels import kernel_name

BLENDING = ("sampler_cfg_function", "sampler_pre_cfg_function", "sampler_calc_cond_batch_function")
"""Names in core's model options of functions that replace or change how predictions are blended."""


class Guided(NamedTuple):
    """A guider's prediction, and what it was blended from.

    Attributes:
        denoised: (B, C, H, W), the blended prediction of the clean latent.
        cond_denoised, uncond_denoised: what stands for the positive and the negative prompt.
        cond, uncond: their conditionings, as core has processed them.
        scale: of the guidance.
    """

    denoised: Tensor
    cond_denoised: Tensor
    uncond_denoised: Tensor
    cond: Any
    uncond: Any
    scale: float


def after_guidance(
    guided: Guided, x: Tensor, sigma: Tensor, model: Any, model_options: Mapping[str, Any]
) -> Tensor:
    """The prediction after the post-CFG functions of other nodes and of cfg_pp samplers."""
    denoised = guided.denoised
    for function in model_options.get("sampler_post_cfg_function", ()):
        denoised = function(
            {
                "denoised": denoised,
                "cond_denoised": guided.cond_denoised,
                "uncond_denoised": guided.uncond_denoised,
                "cond": guided.cond,
                "uncond": guided.uncond,
                "cond_scale": guided.scale,
                "model": model,
                "sigma": sigma,
                "model_options": model_options,
                "input": x,
            }
        )
    return denoised


def refuse_blending(model_options: Mapping[str, Any], node: str) -> None:
    """Refuse functions that blend predictions in another way than the node does.

    Raises:
        ValueError: with their names.
    """
    names: list[str] = []
    for key in BLENDING:
        given = model_options.get(key) or ()
        functions = given if isinstance(given, list) else [given] if given else []
        names += [f"{one.__module__}.{kernel_name(one)}" for one in functions]
    if names:
        raise ValueError(
            f"{node} blends the model's predictions itself, but another node changes how that is "
            f"done ({', '.join(names)}; Rescale CFG, APG and the like). Remove that node from the "
            f"model of {node}."
        )
