"""What a workflow asks of ComfyUI's core nodes, each as one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from instance_edit.host.call import KEY, WRAPPER
from instance_edit.host.core_nodes import run_node
from instance_edit.tests.with_comfyui import comfyui
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, core_node, set_values
from instance_edit.tools.model_shapes import TEXT_WIDTH

Conditioning = list[list[Any]]

# Core's own forward runs "index_timestep_zero" on FLUX.2 only: FLUX.1's blocks fail on it.
CONTEXT, LAYERS = "context latents", "negative_index"
"""As BerniniConditioning gives them, and Qwen-Image-Layered's own way."""
REFERENCE_METHODS = ("offset", "index", "index_timestep_zero", "uxo/uno")


def run_core(name: str, **inputs: object) -> tuple[Any, ...]:
    """The outputs of one of ComfyUI's own nodes."""
    return run_node(core_node(name), **inputs)


def random_latent(
    model: ModelPatcher, height: int = 8, width: int = 8, batch: int = 1, seed: int = 0
) -> dict[str, torch.Tensor]:
    """A LATENT for this model, in latent pixels; a FLUX.1 token is 2 x 2 of them."""
    latent_format = model.get_model_object("latent_format")
    layers = [1] if latent_format.latent_dimensions == 3 else []  # as their VAEs encode a picture
    shape = (batch, latent_format.latent_channels, *layers, height, width)
    generator = torch.Generator().manual_seed(seed)
    return {"samples": torch.randn(shape, generator=generator)}


def text_widths(diffusion: Any) -> tuple[int, int | None]:
    """How wide text and the pooled vector are that a network wants."""
    params = getattr(diffusion, "params", None)
    if params is None:
        return TEXT_WIDTH * getattr(diffusion, "txtlayers", 1), None
    return params.context_in_dim, params.vec_in_dim


def random_conditioning(
    model: ModelPatcher, tokens: int = 20, guidance: float | None = None, seed: int = 1
) -> Conditioning:
    """A plain CONDITIONING of random text tokens as wide as this model wants them."""
    width, pooled = text_widths(model.model.diffusion_model)
    generator = torch.Generator().manual_seed(seed)
    text = torch.randn((1, tokens, width), generator=generator)
    extra: dict[str, object] = {"pooled_output": None}
    if pooled is not None:
        extra["pooled_output"] = torch.randn((1, pooled), generator=generator)
    if hasattr(model.model.diffusion_model, "time_caption_embed"):  # OmniGen2 counts text by it
        extra["attention_mask"] = torch.ones((1, tokens), dtype=torch.long)
    if guidance is not None:
        extra["guidance"] = guidance
    return [[text, extra]]


def reference(
    conditioning: Conditioning, *latents: dict[str, torch.Tensor], method: str | None = None
) -> Conditioning:
    """The conditioning with these reference latents, in order.

    Args:
        method: as core's node names it, or one of those that it does not offer.
    """
    if method == CONTEXT:
        given = {"context_latents": [one["samples"] for one in latents]}
        return set_values(conditioning, given, append=True) if latents else conditioning
    for latent in latents:
        (conditioning,) = run_core("ReferenceLatent", conditioning=conditioning, latent=latent)
    if method == LAYERS:
        return set_values(conditioning, {"reference_latents_method": method})
    if method is not None:
        (conditioning,) = run_core(
            "FluxKontextMultiReferenceLatentMethod",
            conditioning=conditioning,
            reference_latents_method=method,
        )
    return conditioning


@dataclass(frozen=True)
class KSampler:
    """The settings of core's KSampler."""

    steps: int = 2
    cfg: float = 1.0
    sampler: str = "euler"
    scheduler: str = "simple"
    denoise: float = 1.0
    seed: int = 0


def plain_on(model: ModelPatcher, conditioning: Conditioning) -> Conditioning:
    """The conditioning, without its instances where this model would refuse them."""
    if any(key.startswith(KEY) for key in model.wrappers.get(WRAPPER, {})):
        return conditioning
    out = []
    for text, extras in conditioning:
        conds = {name: one for name, one in extras.get("model_conds", {}).items() if name != KEY}
        out.append([text, {**extras, "model_conds": conds}])
    return out


def sample(
    model: ModelPatcher,
    positive: Conditioning,
    negative: Conditioning,
    latent: dict[str, torch.Tensor],
    *,
    callback: Callable[[int, torch.Tensor, torch.Tensor, int], None] | None = None,
    **settings: Any,
) -> torch.Tensor:
    """The sampled latent, (B, C, H, W): what KSampler does with these settings, unseen.

    On a model that reads no instances they are taken out of the conditionings, for comparison.
    """
    how = KSampler(**settings)
    positive, negative = (plain_on(model, one) for one in (positive, negative))
    samples = comfyui.sample.fix_empty_latent_channels(model, latent["samples"])
    return comfyui.sample.sample(
        model,
        comfyui.sample.prepare_noise(samples, how.seed),
        how.steps,
        how.cfg,
        how.sampler,
        how.scheduler,
        positive,
        negative,
        samples,
        denoise=how.denoise,
        noise_mask=latent.get("noise_mask"),
        callback=callback,
        disable_pbar=True,
        seed=how.seed,
    )


def sample_custom(
    model: ModelPatcher,
    positive: Conditioning,
    negative: Conditioning,
    latent: dict[str, torch.Tensor],
    sigmas: Sequence[float],
    *,
    cfg: float = 1.0,
    sampler: str = "euler",
    seed: int = 0,
) -> torch.Tensor:
    """The sampled latent along given sigmas, as SamplerCustom does."""
    positive, negative = (plain_on(model, one) for one in (positive, negative))
    samples = comfyui.sample.fix_empty_latent_channels(model, latent["samples"])
    return comfyui.sample.sample_custom(
        model,
        comfyui.sample.prepare_noise(samples, seed),
        cfg,
        comfyui.samplers.sampler_object(sampler),
        torch.tensor(sigmas),
        positive,
        negative,
        samples,
        noise_mask=latent.get("noise_mask"),
        disable_pbar=True,
        seed=seed,
    )
