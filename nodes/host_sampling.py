"""The seam to ComfyUI's samplers: plain functions of (velocity, state, sigmas) as SAMPLERs."""

from collections.abc import Callable
from typing import Any

import comfy.model_management
import comfy.model_sampling
import comfy.samplers
from torch import Tensor
from tqdm.auto import tqdm

from ..attention.lqr_highlight import Highlight
from ..sampling.flow import Report, Velocity
from .host_highlight import Words, highlight_edits

LEAST_SIGMA = 1e-3  # v = (x - denoised) / s needs s > 0; FLUX's timestep there is 1 of 1000
Solve = Callable[[Velocity, Tensor, Tensor, Tensor, Callable[[Tensor], Tensor], Report], Tensor]


class FlowSampler(comfy.samplers.Sampler):
    """A SAMPLER that starts from the latent itself and hands over what the solver returns.

    ``noise_scaling`` would mix noise into the latent, ``inverse_noise_scaling`` divide by 1 - s:
    both are left out.
    """

    def __init__(
        self, solve: Solve, highlight: Highlight | None = None, words: Words | None = None
    ) -> None:
        """solve(velocity, latent, sigmas, noise, to_model, report); to_model maps a LATENT's
        samples to the model's own scale and device. For the others see ``highlight_edits``."""
        self.solve = solve
        self.highlight = highlight
        self.words = words

    def sample(
        self,
        model_wrap: Any,
        sigmas: Tensor,
        extra_args: dict[str, Any],
        callback: Callable[[int, Tensor, Tensor, int], None] | None,
        noise: Tensor,
        latent_image: Tensor | None = None,
        denoise_mask: Tensor | None = None,
        disable_pbar: bool = False,
    ) -> Tensor:
        """What ComfyUI's guiders call."""
        model = model_wrap.inner_model
        check_run(model, latent_image, denoise_mask)
        assert latent_image is not None
        options, finish_step = highlight_edits(
            extra_args["model_options"], self.highlight, self.words
        )
        run_args = {**extra_args, "model_options": options}
        total = len(sigmas) - 1

        def velocity(x: Tensor, sigma: float) -> Tensor:
            comfy.model_management.throw_exception_if_processing_interrupted()
            level = max(sigma, LEAST_SIGMA)
            denoised = model_wrap(x, x.new_full((x.shape[0],), level), **run_args)
            return (x - denoised) / level

        def to_model(latent: Tensor) -> Tensor:
            return model.process_latent_in(latent.to(noise))

        with tqdm(total=total, disable=disable_pbar) as bar:

            def report(i: int, x: Tensor, clean: Tensor) -> None:
                finish_step(i)
                bar.update()
                if callback is not None:
                    callback(i, clean, x, total)

            return self.solve(velocity, latent_image, sigmas, noise, to_model, report)


def check_run(model: Any, latent: Tensor | None, denoise_mask: Tensor | None) -> None:
    """Refuse models that are no rectified flow, and latents that cannot be walked whole."""
    if not isinstance(model.model_sampling, comfy.model_sampling.CONST):
        raise ValueError(
            "Flow Inversion and Dual-LQR Sampler need a rectified-flow model (FLUX.1 or FLUX.2), "
            f"got {type(model).__name__}. Load a FLUX model."
        )
    if latent is None:
        raise ValueError("no latent came in: connect the picture's latent to the sampling node.")
    if denoise_mask is not None:
        raise ValueError(
            "the latent carries a noise mask, which Flow Inversion and Dual-LQR Sampler do not "
            "follow. Remove Set Latent Noise Mask; to protect the background, give the turn its "
            "regions by Apply Instance Attention, or composite afterwards."
        )
