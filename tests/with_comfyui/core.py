"""What a workflow asks of ComfyUI's core nodes, each as one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import comfy.sample
import torch
from comfy.model_patcher import ModelPatcher
from comfy_extras.nodes_edit_model import ReferenceLatent

Conditioning = list[list[Any]]

# Core's own forward runs "index_timestep_zero" on FLUX.2 only: FLUX.1's blocks fail on it.
REFERENCE_METHODS = ("offset", "index", "index_timestep_zero", "uxo/uno")


def run_node(node: type, **inputs: object) -> tuple[Any, ...]:
    """A node's outputs; V3 nodes are called by their `execute`, older ones by their FUNCTION."""
    if hasattr(node, "EXECUTE_NORMALIZED"):
        return node.EXECUTE_NORMALIZED(**inputs).args
    return getattr(node(), node.FUNCTION)(**inputs)


def random_latent(
    model: ModelPatcher, height: int = 8, width: int = 8, batch: int = 1, seed: int = 0
) -> dict[str, torch.Tensor]:
    """A LATENT for this model, in latent pixels; a FLUX.1 token is 2 x 2 of them."""
    channels = model.get_model_object("latent_format").latent_channels
    generator = torch.Generator().manual_seed(seed)
    return {"samples": torch.randn((batch, channels, height, width), generator=generator)}


def random_conditioning(
    model: ModelPatcher, tokens: int = 20, guidance: float | None = None, seed: int = 1
) -> Conditioning:
    """A plain CONDITIONING of random text tokens as wide as this model wants them."""
    params = model.model.diffusion_model.params
    generator = torch.Generator().manual_seed(seed)
    text = torch.randn((1, tokens, params.context_in_dim), generator=generator)
    extra: dict[str, object] = {"pooled_output": None}
    if params.vec_in_dim is not None:
        extra["pooled_output"] = torch.randn((1, params.vec_in_dim), generator=generator)
    if guidance is not None:
        extra["guidance"] = guidance
    return [[text, extra]]


def reference(
    conditioning: Conditioning, *latents: dict[str, torch.Tensor], method: str | None = None
) -> Conditioning:
    """The conditioning with these reference latents, in order; `method` as core's node names it."""
    for latent in latents:
        (conditioning,) = run_node(ReferenceLatent, conditioning=conditioning, latent=latent)
    if method is not None:
        from comfy_extras.nodes_flux import FluxKontextMultiReferenceLatentMethod as Method

        (conditioning,) = run_node(
            Method, conditioning=conditioning, reference_latents_method=method
        )
    return conditioning


def sample(
    model: ModelPatcher,
    positive: Conditioning,
    negative: Conditioning,
    latent: dict[str, torch.Tensor],
    *,
    steps: int = 2,
    cfg: float = 1.0,
    sampler: str = "euler",
    scheduler: str = "simple",
    denoise: float = 1.0,
    seed: int = 0,
    callback: Callable[[int, torch.Tensor, torch.Tensor, int], None] | None = None,
) -> torch.Tensor:
    """The sampled latent, (B, C, H, W): what KSampler does, without its previews."""
    samples = comfy.sample.fix_empty_latent_channels(model, latent["samples"])
    return comfy.sample.sample(
        model,
        comfy.sample.prepare_noise(samples, seed),
        steps,
        cfg,
        sampler,
        scheduler,
        positive,
        negative,
        samples,
        denoise=denoise,
        noise_mask=latent.get("noise_mask"),
        callback=callback,
        disable_pbar=True,
        seed=seed,
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
    import comfy.samplers

    samples = comfy.sample.fix_empty_latent_channels(model, latent["samples"])
    return comfy.sample.sample_custom(
        model,
        comfy.sample.prepare_noise(samples, seed),
        cfg,
        comfy.samplers.sampler_object(sampler),
        torch.tensor(sigmas),
        positive,
        negative,
        samples,
        noise_mask=latent.get("noise_mask"),
        disable_pbar=True,
        seed=seed,
    )
