"""The seam of velocity contrast: every instruction's prediction on one trajectory."""

from collections.abc import Callable, Mapping
from typing import Any

import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from .iid import Branches, Conditioning, latent_samples

Keep = Callable[[Tensor, Tensor], None]


class ContrastGuider(comfy.samplers.CFGGuider):
    """Follows the empty instruction and shows every call's predictions of all instructions."""

    def __init__(self, model: ModelPatcher, empty: Conditioning, branches: Branches, keep: Keep):
        """keep(instructed (N, B, C, H, W), plain (B, C, H, W)) gets velocities."""
        super().__init__(model)
        conds = {str(n): [[text, branches.extras]] for n, text in enumerate(branches.texts)}
        self.inner_set_conds({"positive": empty, **conds})
        self.keep = keep

    def predict_noise(
        self, x: Tensor, timestep: Tensor, model_options: dict[str, Any], seed: int | None = None
    ) -> Tensor:
        """The clean latent as the empty instruction predicts it."""
        plain, *instructed = comfy.samplers.calc_cond_batch(
            self.inner_model, list(self.conds.values()), x, timestep, model_options
        )
        sigma = timestep.view(-1, *[1] * (x.ndim - 1))
        self.keep((x - torch.stack(instructed)) / sigma, (x - plain) / sigma)
        return plain


def sample_guided(
    guider: comfy.samplers.CFGGuider,
    latent: Mapping[str, Any],
    sampler: Any,
    sigmas: Tensor,
    seed: int,
) -> Tensor:
    """The latent at the end of ``sigmas``, as SamplerCustomAdvanced samples it."""
    model = guider.model_patcher
    samples = latent_samples(model, latent)
    noise = comfy.sample.prepare_noise(samples, seed, latent.get("batch_index"))
    return guider.sample(
        noise,
        samples,
        sampler,
        sigmas,
        denoise_mask=latent.get("noise_mask"),
        callback=latent_preview.prepare_callback(model, sigmas.shape[-1] - 1),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )
