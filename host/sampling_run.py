"""What a sampling node is given, and runs of core's samplers with it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import comfy.k_diffusion.sampling
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
from comfy.model_base import BaseModel
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from .carrier import Conditioning

RATIOS = ("downscale_ratio_spacial", "downscale_ratio_temporal")
"""Names in a LATENT that say of which VAE an empty one is; what is sampled of it has none."""
ALIKE = tuple(
    getattr(comfy.k_diffusion.sampling, f"sample_{name}")
    for name in ("euler", "heun", "heunpp2", "dpm_2", "lms", "dpmpp_2m", "ipndm", "ipndm_v", "deis")
)
"""Core's samplers that treat every item of a batch as they would treat it alone. Others draw noise,
or choose their steps, for the batch as a whole."""

log = logging.getLogger("instance_edit")


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

    def __post_init__(self) -> None:
        levels: list[float] = self.sigmas.tolist()
        if len(levels) < 2 or levels != sorted(levels, reverse=True) or levels[0] == levels[-1]:
            raise ValueError(
                "the schedule 'sigmas' must be two or more noise levels that fall, got "
                f"{[round(level, 4) for level in levels]}. Connect the edit's own schedule, from "
                "Basic Scheduler or Flux2Scheduler, without Flip Sigmas."
            )

    @property
    def branches_alike(self) -> bool:
        """True if the sampler does to an item of a batch what it does to it alone."""
        if self.sampler is None:
            return True
        plain = type(self.sampler) is comfy.samplers.KSAMPLER
        return (
            plain
            and self.sampler.sampler_function in ALIKE
            and not (self.sampler.extra_options or self.sampler.inpaint_options)
        )

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.sigmas) - 1

    def first(self, steps: int) -> "SamplingRun":
        """The run of the first steps alone."""
        return replace(self, sigmas=self.sigmas[: steps + 1])


def latent_samples(model: ModelPatcher, latent: Mapping[str, Any]) -> Tensor:
    """The samples of a LATENT; if it is empty, with the model's channels, at its VAE's scale.

    Raises:
        ValueError: no pictures (B, C, H, W).
    """
    given = latent["samples"]
    samples = given if is_layer_for(model.model, given) else pictures_only(given)
    ratios = {name: latent[name] for name in RATIOS if name in latent}
    return comfy.sample.fix_empty_latent_channels(model, samples, **ratios)


def is_layer_for(model: BaseModel, samples: Tensor) -> bool:
    """True for a latent (B, C, 1, H, W) of a picture, where the model's latents have layers."""
    if samples.is_nested or samples.ndim != 5 or samples.shape[2] != 1:
        return False
    return model.latent_format.latent_dimensions == 3


def pictures_only(samples: Tensor) -> Tensor:
    """The samples of a LATENT.

    Raises:
        ValueError: no pictures (B, C, H, W).
    """
    if samples.is_nested or samples.ndim != 4:
        raise ValueError(
            "the latent must hold pictures, (batch, channels, height, width), got "
            f"{'several latents in one' if samples.is_nested else (*samples.shape,)}. Videos and "
            "latents with layers (Qwen-Image's, Wan's) or of several parts are not taken here."
        )
    return samples


def sampled_latent(latent: Mapping[str, Any], samples: Tensor) -> dict[str, Any]:
    """The LATENT with other samples, as core's sampling nodes hand it on."""
    kept = {name: value for name, value in latent.items() if name not in RATIOS}
    return {**kept, "samples": samples}


def say_mean(samples: Tensor) -> None:
    """Say that several pictures share one set of masks."""
    if len(samples) > 1:
        log.warning(
            f"the latent holds {len(samples)} pictures: the masks found are the mean over all of "
            "them, one set for the batch. For masks of their own locate in each picture alone."
        )


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
