"""The seam to ComfyUI's samplers: plain functions of (velocity, state, sigmas) as SAMPLERs."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import comfy.model_management
import comfy.model_sampling
import comfy.samplers
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..attention.lqr_highlight import Highlight
from ..attention.window import WindowBy, steps_before
from ..sampling.flow import Report, Velocity
from ..sampling.lqr import Free
from .lqr_highlight import Words, highlight_edits
from .moment import say_part
from .sampling_run import pictures_only
from .whole import refuse_unseen, seen_options

PAPER_STEPS = 15
"""Of the multi-turn paper's samplings: what a count of steps is a share of by noise level."""
LEAST_SIGMA = 1e-3  # v = (x - denoised) / s needs s > 0; FLUX's timestep there is 1 of 1000


class FlowRun(NamedTuple):
    """What a solver gets.

    Attributes:
        velocity, sigmas: see ``solve_flow``.
        latent, noise: (B, C, h, w) on the model's own scale and device.
        free: where the latent's noise mask lets it change at a noise level, broadcastable to the
            latent; None: everywhere.
        to_model: maps a LATENT's samples to the model's own scale and device.
        report: to be called after every step.
        counted: how many of the run's steps are among the first ``count`` of the sampling.
    """

    velocity: Velocity
    latent: Tensor
    sigmas: Tensor
    noise: Tensor
    free: Free | None
    to_model: Callable[[Tensor], Tensor]
    report: Report
    counted: Callable[[int], int]


Solve = Callable[[FlowRun], Tensor]
Callback = Callable[[int, Tensor, Tensor, int], None]


@dataclass(frozen=True)
class Counted:
    """How counts of steps are meant; see ``FlowRun.counted``.

    Attributes:
        by: "noise level" counts in a sampling of ``PAPER_STEPS``, so that its parts share them.
        what: names what is counted, for the log; empty: nothing is.
        time: the regulator's time is counted in the steps of the run, whatever ``by`` says.
    """

    by: WindowBy = "steps"
    what: str = ""
    time: bool = False


class Start(NamedTuple):
    """What ComfyUI gives a sampler: see its ``Sampler.sample``."""

    latent: Tensor
    sigmas: Tensor
    noise: Tensor
    mask: Tensor | None


class FlowSampler(comfy.samplers.Sampler):
    """A SAMPLER that starts from the latent itself and hands over what the solver returns.

    ``noise_scaling`` would mix noise into the latent, ``inverse_noise_scaling`` divide by 1 - s:
    both are left out.

    Attributes:
        extra_options, inpaint_options: as of core's KSAMPLER, for packs that wrap a SAMPLER.
    """

    extra_options: ClassVar[dict[str, Any]] = {}
    inpaint_options: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        solve: Solve,
        highlight: Highlight | None = None,
        words: Words | None = None,
        counted: Counted | None = None,
        inverts: bool = False,
    ) -> None:
        """For the highlight and its words see ``highlight_edits``; ``inverts``: it walks from a
        picture to noise."""
        self.solve = solve
        self.highlight = highlight
        self.words = words
        self.counted = counted or Counted()
        self.inverts = inverts

    def sample(  # pyright: ignore[reportIncompatibleMethodOverride]: core declares no parameters
        self,
        model_wrap: Any,
        sigmas: Tensor,
        extra_args: dict[str, Any],
        callback: Callback | None,
        noise: Tensor,
        latent_image: Tensor | None = None,
        denoise_mask: Tensor | None = None,
        disable_pbar: bool = False,
    ) -> Tensor:
        """What ComfyUI's guiders call."""
        latent = check_run(model_wrap.inner_model, latent_image)
        start = Start(latent, sigmas, noise, denoise_mask)
        return self.follow(model_wrap, model_wrap, start, extra_args, callback, disable_pbar)

    def sampler_function(
        self,
        model: Any,
        x: Tensor,
        sigmas: Tensor,
        extra_args: dict[str, Any] | None = None,
        callback: Callable[[dict[str, Any]], None] | None = None,
        disable: bool | None = None,
    ) -> Tensor:
        """What packs call that wrap a SAMPLER, in the place of core's KSAMPLER.

        Args:
            x: the state, or KSAMPLER's sum of noise and latent; of that the latent is taken.

        Raises:
            ValueError: the latent is not handed on, or a schedule that does not end at 0.
        """
        base, args = model.inner_model.inner_model, dict(extra_args or {})
        latent, noise = getattr(model, "latent_image", None), getattr(model, "noise", None)
        if latent is None or noise is None or float(sigmas[-1]) != 0:
            raise ValueError(
                "the SAMPLER of Flow Inversion or Dual-LQR Sampler starts from the latent itself "
                "and may end anywhere, which the sampler that wraps it does not allow. Connect it "
                "to the sampling node without that wrapper."
            )
        mixed = base.model_sampling.noise_scaling(sigmas[0], noise, latent)
        state = check_run(base, latent if torch.allclose(x, mixed) else x)
        start = Start(state, sigmas, noise, args.get("denoise_mask"))

        def each(i: int, clean: Tensor, x: Tensor, total: int) -> None:
            if callback is not None:
                said = {"sigma": sigmas[i], "sigma_hat": sigmas[i], "denoised": clean}
                callback({"x": x, "i": i, **said})

        args["denoise_mask"] = None  # the solver keeps what the mask shuts by itself
        return self.follow(model, model.inner_model, start, args, each, bool(disable))

    def follow(
        self,
        predict: Callable[..., Tensor],
        guider: Any,
        start: Start,
        extra_args: dict[str, Any],
        callback: Callback | None,
        disable_pbar: bool,
    ) -> Tensor:
        """Run the solver.

        Args:
            predict: ``predict(x, sigmas, **extra_args)``, the clean latent.
        """
        model = guider.inner_model
        counted = self.counting(start.sigmas, model.model_sampling)
        options = extra_args["model_options"]
        if self.highlight is not None:
            options = seen_options(options, start.latent.shape, getattr(guider, "conds", {}))
        options, finish_step = highlight_edits(options, self.highlight, self.words, counted)
        velocity = proved_velocity(predict, guider, {**extra_args, "model_options": options})
        begun = False

        def first_known(x: Tensor, sigma: float) -> Tensor:
            nonlocal begun
            found = velocity(x, sigma)
            if not begun:
                begun = True
                finish_step(-1)
            return found

        def to_model(latent: Tensor) -> Tensor:
            return model.process_latent_in(latent.to(start.noise))

        with progress(len(start.sigmas) - 1, finish_step, callback, disable_pbar) as report:
            latent, sigmas, noise, _ = start
            free = free_at(start, guider, options)
            return self.solve(
                FlowRun(first_known, latent, sigmas, noise, free, to_model, report, counted)
            )

    def counting(self, sigmas: Tensor, sampling: Any) -> Callable[[int], int]:
        """See ``FlowRun.counted``; says in the log where steps are those of a part."""
        if self.counted.time:
            say_part(sigmas, sampling, "the regulator's time", "Dual-LQR Sampler", "time by")
        if self.counted.by == "noise level":
            return lambda count: steps_before(
                sigmas, count / PAPER_STEPS, sampling.percent_to_sigma
            )
        if self.counted.what:
            say_part(sigmas, sampling, self.counted.what, "Dual-LQR Sampler")
        return lambda count: count


def proved_velocity(
    predict: Callable[..., Tensor], guider: Any, args: Mapping[str, Any]
) -> Velocity:
    """The velocity that a guider predicts.

    Args:
        predict: ``predict(x, sigmas, **args)``, the clean latent.
        args: of every prediction.
    """

    def velocity(x: Tensor, sigma: float) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        level = max(sigma, LEAST_SIGMA)
        denoised = predict(x, x.new_full((x.shape[0],), level), **args)
        refuse_unseen(args["model_options"], guider)
        return (x - denoised) / level

    return velocity


@contextmanager
def progress(
    total: int, finish_step: Callable[[int], None], callback: Callback | None, quiet: bool
) -> Iterator[Report]:
    """What a solver reports its steps to, for as long as it runs."""
    with tqdm(total=total, disable=quiet) as bar:

        def report(i: int, x: Tensor, clean: Tensor) -> None:
            finish_step(i)
            bar.update()
            if callback is not None:
                callback(i, clean, x, total)

        yield report


def free_at(start: Start, guider: Any, options: Mapping[str, Any]) -> Free | None:
    """The noise mask at every noise level, as Differential Diffusion and the like change it."""
    mask, change = start.mask, options.get("denoise_mask_function")
    if mask is None or change is None:
        return None if mask is None else lambda sigma: mask
    said = {"model": guider, "sigmas": start.sigmas}

    def free(sigma: float) -> Tensor:
        return change(start.sigmas.new_full((len(mask),), sigma), mask, extra_options=said)

    return free


def euler() -> Any:
    """Core's Euler sampler, as a SAMPLER."""
    return comfy.samplers.sampler_object("euler")


def check_run(model: Any, latent: Tensor | None) -> Tensor:
    """The latent; refuse none, one that is no picture's, and models that are no rectified flow."""
    if not isinstance(model.model_sampling, comfy.model_sampling.CONST):
        raise ValueError(
            "Flow Inversion and Dual-LQR Sampler need a rectified-flow model (FLUX.1 or FLUX.2), "
            f"got {type(model).__name__}. Load a FLUX model."
        )
    if latent is None:
        raise ValueError("no latent came in: connect the picture's latent to the sampling node.")
    return pictures_only(latent)
