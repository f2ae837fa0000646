"""The seam to ComfyUI's samplers: plain functions of (velocity, state, sigmas) as SAMPLERs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import comfy.model_management
import comfy.model_sampling
import comfy.samplers
from torch import Tensor
from tqdm.auto import tqdm

from ..attention.lqr_highlight import Highlight
from ..sampling.flow import Report, Velocity
from .lqr_highlight import Words, highlight_edits

LEAST_SIGMA = 1e-3  # v = (x - denoised) / s needs s > 0; FLUX's timestep there is 1 of 1000


class FlowRun(NamedTuple):
    """What a solver gets.

    Attributes:
        velocity, sigmas: see ``solve_flow``.
        latent, noise: (B, C, h, w) on the model's own scale and device.
        free: where the latent's noise mask lets it change, broadcastable to it; None: everywhere.
        to_model: maps a LATENT's samples to the model's own scale and device.
        report: to be called after every step.
    """

    velocity: Velocity
    latent: Tensor
    sigmas: Tensor
    noise: Tensor
    free: Tensor | None
    to_model: Callable[[Tensor], Tensor]
    report: Report


Solve = Callable[[FlowRun], Tensor]


class FlowSampler(comfy.samplers.Sampler):
    """A SAMPLER that starts from the latent itself and hands over what the solver returns.

    ``noise_scaling`` would mix noise into the latent, ``inverse_noise_scaling`` divide by 1 - s:
    both are left out.
    """

    def __init__(
        self, solve: Solve, highlight: Highlight | None = None, words: Words | None = None
    ) -> None:
        """For the highlight and its words see ``highlight_edits``."""
        self.solve = solve
        self.highlight = highlight
        self.words = words

    def sample(  # pyright: ignore[reportIncompatibleMethodOverride]: core declares no parameters
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
        latent = check_run(model, latent_image)
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

            run = FlowRun(velocity, latent, sigmas, noise, denoise_mask, to_model, report)
            return self.solve(run)


def euler() -> Any:
    """Core's Euler sampler, as a SAMPLER."""
    return comfy.samplers.sampler_object("euler")


def check_run(model: Any, latent: Tensor | None) -> Tensor:
    """The latent; refuse its absence, and models that are no rectified flow."""
    if not isinstance(model.model_sampling, comfy.model_sampling.CONST):
        raise ValueError(
            "Flow Inversion and Dual-LQR Sampler need a rectified-flow model (FLUX.1 or FLUX.2), "
            f"got {type(model).__name__}. Load a FLUX model."
        )
    if latent is None:
        raise ValueError("no latent came in: connect the picture's latent to the sampling node.")
    return latent
