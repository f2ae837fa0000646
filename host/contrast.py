"""The seam of velocity contrast: every instruction's prediction on one trajectory."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import comfy.samplers
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..mask_ops.contrast import contrast_masks, velocity_contrast
from ..mask_ops.found_masks import FoundMasks
from .adapter_text import as_core_has_it
from .carrier import Conditioning, conditioning_spans
from .guidance import Guided, after_guidance
from .iid import Branches, branch_conditioning, counted, shut_padding, split_branches
from .known import known_model
from .sampling_run import SamplingRun, latent_samples, sample_guided, say_mean
from .whole import seen_whole

NODE = "Locate by Velocity Contrast"
Keep = Callable[[Tensor, Tensor], None]


class ContrastGuider(comfy.samplers.CFGGuider):
    """Follows the empty instruction and shows every call's predictions of all instructions."""

    def __init__(self, model: ModelPatcher, empty: Conditioning, branches: Branches, keep: Keep):
        """keep(instructed (N, B, C, H, W), plain (B, C, H, W)) gets velocities."""
        super().__init__(shut_padding(seen_whole(model, NODE)))
        known = known_model(model, NODE)
        positions = known.family.stands_by_length(known.diffusion)
        each = [replace(branches, texts=(text,)) for text in branches.texts]
        conds = [empty, *(branch_conditioning(one, positions)[0] for one in each)]
        own = map(as_core_has_it, conds, branches.adapters or [None] * len(conds))
        names = ["positive", *map(str, range(len(each)))]
        self.inner_set_conds(dict(zip(names, own, strict=True)))
        self.keep = keep

    def predict_noise(
        self,
        x: Tensor,
        timestep: Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> Tensor:
        """The clean latent as the empty instruction predicts it."""
        options = model_options or {}
        plain, *instructed = comfy.samplers.calc_cond_batch(
            self.inner_model, list(self.conds.values()), x, timestep, options
        )
        sigma = timestep.view(-1, *[1] * (x.ndim - 1))
        self.keep((x - torch.stack(instructed)) / sigma, (x - plain) / sigma)
        guided = Guided(plain, plain, plain, self.conds["positive"], None, 1.0)
        return after_guidance(guided, x, timestep, self.inner_model, options)


def locate_by_contrast(
    model: ModelPatcher, conditioning: Conditioning, run: SamplingRun
) -> FoundMasks:
    """Where each instruction changes the prediction, the mean over the steps of the run."""
    known = known_model(model, NODE)
    say_mean(latent_samples(model, run.latent))
    maps = contrast_maps(model, conditioning, run)
    return contrast_masks(torch.stack(maps).mean(0), known.patch)


def contrast_maps(
    model: ModelPatcher, conditioning: Conditioning, run: SamplingRun
) -> list[Tensor]:
    """Per model call the (N, H, W) change of the prediction by each instruction, on the CPU."""
    branches = split_branches(conditioning)
    spans = conditioning_spans(conditioning)
    empty = conditioning[0][0][:, : spans.lengths[0]]
    maps: list[Tensor] = []
    guider = ContrastGuider(
        model,
        [[empty, counted(branches.extras, empty)]],
        branches,
        lambda instructed, plain: maps.append(velocity_contrast(instructed, plain).cpu()),
    )
    sample_guided(guider, run)
    return maps
