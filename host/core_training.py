"""Core's Train LoRA over samples with regions of their own: where it needs help."""

from typing import Any

import comfy.model_management
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from .carrier import every_cond
from .lora_gradients import copied_norm_inputs


def training_run(
    executor: Any, noise: Tensor, latent: Tensor, sampler: Any, *args: Any, **kwargs: Any
) -> Any:
    """The wrapper around a whole run of a guider: in a training the model's norms read copies.

    Raises:
        ValueError: latents that core's trainer would not scale.
    """
    if not comfy.model_management.in_training:
        return executor(noise, latent, sampler, *args, **kwargs)
    model = executor.class_obj.model_patcher
    refuse_unscaled(model, sampler)
    with copied_norm_inputs(model):
        return executor(noise, latent, sampler, *args, **kwargs)


def refuse_unscaled(model: ModelPatcher, sampler: Any) -> None:
    """Refuse the ways in which core's trainer leaves latents as the VAE gives them.

    Raises:
        ValueError: buckets, or pictures of several sizes, where the model has scaled latents.
    """
    apart = [getattr(sampler, name, None) for name in ("bucket_latents", "real_dataset")]
    given = next((several[0] for several in apart if several is not None), None)
    if given is not None and not torch.equal(model.model.process_latent_in(given), given):
        raise ValueError(
            "Train LoRA hands the model pictures of several sizes, and those of bucket_mode, as "
            "the VAE gives them and not scaled as the model knows them: it would learn other "
            "pictures. Switch bucket_mode off and scale all pictures to one size, or train with "
            "`make train-lora`."
        )


def training_steps(executor: Any, guider: Any, *args: Any, **kwargs: Any) -> Any:
    """The wrapper around a sampler: core's trainer gets conditionings that it can go through.

    By now the model has its references under a name of its own; core's trainer takes the list that
    they came in for conditionings, and fails.
    """
    if comfy.model_management.in_training:
        for cond in every_cond(guider.conds):
            for name in [name for name, value in cond.items() if is_pictures(value)]:
                del cond[name]
    return executor(guider, *args, **kwargs)


def is_pictures(value: Any) -> bool:
    """A list of tensors, as references come in."""
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(one, Tensor) for one in value)


def refuse_no_schedule(schedule: Tensor | None) -> None:
    """Refuse steps windows in core's trainer, which has its pictures' numbers for a schedule.

    Raises:
        ValueError: with what to set instead.
    """
    if comfy.model_management.in_training and schedule is not None and schedule[0] <= schedule[-1]:
        raise ValueError(
            "a steps window needs a schedule, and Train LoRA has none: it draws noise levels. Set "
            "'window by' of Build Disentangled Bias to 'noise level'."
        )
