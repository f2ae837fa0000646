"""What a sampling node is given, and runs of core's samplers with it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from .carrier import Conditioning


@dataclass(frozen=True, eq=False)
class SamplingRun:
    """One run of a sampler.

    Attributes:
        latent: a LATENT.
        sampler: a SAMPLER; None: Euler.
        sigmas: (steps + 1,) noise levels, falling.
        seed: of the start noise.
        cfg, negative: classifier-free guidance; 1 needs no negative.
    """

    latent: Mapping[str, Any]
    sampler: Any
    sigmas: Tensor
    seed: int
    cfg: float = 1.0
    negative: Conditioning | None = None

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.sigmas) - 1

    def first(self, steps: int) -> "SamplingRun":
        """The run of the first steps alone."""
        return replace(self, sigmas=self.sigmas[: steps + 1])


def latent_samples(model: ModelPatcher, latent: Mapping[str, Any]) -> Tensor:
    """The samples of a LATENT, widened to the model's channels if it is empty."""
    return comfy.sample.fix_empty_latent_channels(model, latent["samples"])


def sample_branches(
    model: ModelPatcher, conditioning: Conditioning, run: SamplingRun, branches: int = 1
) -> Tensor:
    """The latents of all branches at the end of the run, from one start noise: (B, N, C, H, W).

    Args:
        conditioning: with a batch of ``branches`` texts.
    """
    samples = latent_samples(model, run.latent)
    noise: Any = comfy.sample.prepare_noise(samples, run.seed, run.latent.get("batch_index"))
    mask = run.latent.get("noise_mask")
    if mask is not None and mask.shape[0] > 1:
        mask = mask.repeat_interleave(branches, dim=0)
    out = comfy.sample.sample_custom(
        model,
        noise.repeat_interleave(branches, dim=0),
        run.cfg,
        run.sampler or comfy.samplers.sampler_object("euler"),
        run.sigmas,
        conditioning,
        conditioning if run.negative is None else run.negative,
        samples.repeat_interleave(branches, dim=0),
        noise_mask=mask,
        callback=latent_preview.prepare_callback(model, run.steps),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=run.seed,
    )
    return out.view(samples.shape[0], branches, *out.shape[1:])


def sample_guided(guider: comfy.samplers.CFGGuider, run: SamplingRun) -> Tensor:
    """The latent at the end of the run, as SamplerCustomAdvanced samples it."""
    model = guider.model_patcher
    samples = latent_samples(model, run.latent)
    noise = comfy.sample.prepare_noise(samples, run.seed, run.latent.get("batch_index"))
    return guider.sample(
        noise,
        samples,
        run.sampler or comfy.samplers.sampler_object("euler"),
        run.sigmas,
        denoise_mask=run.latent.get("noise_mask"),
        callback=latent_preview.prepare_callback(model, run.steps),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=run.seed,
    )
