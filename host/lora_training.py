"""One sample's loss, through ComfyUI's own sampling: a run of one model call, so that every wrapper
and patch of the model acts in training as it does in an edit.

Core's Train LoRA cannot go on after it was stopped: it keeps nothing until its last step, and a
file that it goes on from lacks the optimizer's state, biases and norms.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import comfy.model_management
import comfy.samplers
import torch
from comfy.model_patcher import ModelPatcher
from comfy_extras.nodes_custom_sampler import Guider_Basic
from torch import Tensor

from .carrier import Conditioning
from .lora_gradients import blocks_again

STEPS = 28
"""Of the schedule in which steps windows are counted in a training."""
LEAST_NOISE = 0.01
"""Share of the sampling that no training step comes closer to its end than."""


@dataclass(frozen=True)
class TrainingSample:
    """What one sample is for the model.

    Attributes:
        conditioning: of one picture, with its regions and references.
        latent: (1, C, h, w) of the edited picture, as the VAE gives it.
        weight: (1, 1, h, w), how much each cell counts; None: all alike.
    """

    conditioning: Conditioning
    latent: Tensor
    weight: Tensor | None = None


class FlowLoss(comfy.samplers.Sampler):
    """The flow-matching loss of one latent at one noise level; its gradient goes to the leaves.

    Attributes:
        loss: mean square error of the velocity, once it has run.
    """

    def __init__(self, share: float, weight: Tensor | None, portion: float) -> None:
        """
        Args:
            share: of the sampling that is past, 0 .. 1: gives the noise level.
            portion: of the optimizer's step that this sample is.
        """
        self.share, self.weight, self.portion, self.loss = share, weight, portion, float("nan")

    def sample(  # pyright: ignore[reportIncompatibleMethodOverride]: core calls it like this
        self,
        model_wrap: Any,
        sigmas: Tensor,
        extra_args: dict[str, Any],
        callback: Any,
        noise: Tensor,
        latent_image: Tensor,
        denoise_mask: Tensor | None = None,
        disable_pbar: bool = False,
    ) -> Tensor:
        sampling = model_wrap.inner_model.model_sampling
        level = float(sampling.percent_to_sigma(self.share))
        sigma = noise.new_full((len(noise),), level)
        noisy = sampling.noise_scaling(sigma, noise, latent_image).requires_grad_()
        clean = model_wrap(noisy, sigma, **extra_args)
        error = ((clean.float() - latent_image) / level).square()  # of the velocity
        if self.weight is None:
            loss = error.mean()
        else:
            weight = self.weight.to(error).expand_as(error)
            loss = (error * weight).sum() / weight.sum()
        backward(loss * self.portion)
        self.loss = loss.item()
        return latent_image


def backward(loss: Tensor) -> None:
    """The loss's gradient.

    Raises:
        ValueError: a model that core computes by kernels without one.
    """
    try:
        loss.backward()
    except RuntimeError as fault:
        if "no autograd formula" not in str(fault):
            raise
        raise ValueError(
            "this ComfyUI computes the model with kernels that have no gradient, so that nothing "
            f"can be trained on it ({fault}). Take another model."
        ) from None


def training_loss(
    model: ModelPatcher, sample: TrainingSample, generator: torch.Generator, portion: float = 1.0
) -> float:
    """The loss of a sample at a noise level and with noise that the generator draws.

    The gradient is added to that of the parameters that require one.

    Args:
        model: patched as for an edit, inside of ``training_model``.
    """
    share = float(torch.rand((), generator=generator)) * (1 - LEAST_NOISE)
    noise = torch.randn(sample.latent.shape, generator=generator)
    loss = FlowLoss(share, sample.weight, portion)
    guider = Guider_Basic(model)
    guider.set_conds(sample.conditioning)
    schedule = comfy.samplers.calculate_sigmas(
        model.get_model_object("model_sampling"), "simple", STEPS
    )
    with torch.enable_grad():
        guider.sample(noise, sample.latent, loss, schedule, disable_pbar=True)
    return loss.loss


@contextmanager
def training_model(model: ModelPatcher, again: bool) -> Iterator[None]:
    """While this lasts the model's own weights want no gradient, and core knows of a training.

    Args:
        again: blocks are computed again in the backward pass instead of being kept.
    """
    model.model.requires_grad_(False)
    comfy.model_management.in_training = True
    try:
        with blocks_again(model) if again else nullcontext():
            yield
    finally:
        comfy.model_management.in_training = False
