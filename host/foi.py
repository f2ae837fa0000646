"""The seam of FoI: pairs of branches, substituted logits, disentangled sampling."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

import comfy.samplers
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..attention.foi import foi_attend, foi_boosts
from ..attention.recipe import Extent
from ..attention.schedule import in_window, sampling_progress
from ..attention.tokens import TokenLayout
from ..mask_ops.found_masks import spread_tokens
from ..mask_ops.regions import InstanceRegion, region_masks
from ..sampling.foi import SHARE, blend_distilled, blend_guided
from .attention_call import OVERRIDE, as_wanted, split_heads
from .call import KEY, WRAPPER, Forward, ModelCall, Options, around_model, bare_model
from .capture import step_number
from .carrier import Conditioning, SpansCond, call_spans, conditioning_spans
from .iid import repeat_references, split_branches
from .kernels import Override, attention_call, open_call, whole_sequence
from .known import require_family
from .regions import refuse_others
from .sequence import picture_extent, token_sequence, watch_text

FOI = f"{KEY}_foi"


@dataclass(frozen=True, eq=False)
class FoISettings:
    """How FoI acts.

    Attributes:
        regions: the instances; strength is alpha_n, the window says when one takes part.
        boost: multiplies every alpha.
        plain_steps: steps at the beginning whose logits stay as they are.
        scales: s of the guidance-distilled form, or (s_I, s_T) of the form with CFG.
    """

    regions: tuple[InstanceRegion, ...]
    boost: float
    plain_steps: int
    scales: float | tuple[float, float]


class FoIGuider(comfy.samplers.CFGGuider):
    """A GUIDER that runs v(I,T) and v(I,0) as a batch of two and blends them by FoI's formulas."""

    def __init__(
        self, model: ModelPatcher, positive: Conditioning, null: Conditioning, how: FoISettings
    ):
        """positive: Multi-Prompt Encode's, with references; null: an empty prompt's."""
        if model.get_wrappers(WRAPPER, KEY):
            raise ValueError(
                "this model has instance attention, which FoI Guider does without. Connect the "
                "model from before Apply Instance Attention."
            )
        self.family = require_family(model.get_model_object("diffusion_model"), "FoI Guider")
        self.masks_for = cached_masks(how)
        patched = model.clone()
        patched.add_wrapper_with_key(WRAPPER, FOI, foi_forward(how, self.masks_for))
        super().__init__(patched)
        pair, none = foi_conditionings(positive, null, how)
        self.inner_set_conds({"positive": pair, "none": none})
        self.how = how

    def predict_noise(
        self,
        x: Tensor,
        timestep: Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> Tensor:
        """The clean latent that FoI's velocity leads to."""
        call, options = comfy.samplers.calc_cond_batch, model_options or {}
        twice, levels = x.repeat_interleave(2, dim=0), timestep.repeat_interleave(2, dim=0)
        pair = call(self.inner_model, [self.conds["positive"]], twice, levels, options)[0]
        instructed, null = pair[0::2], pair[1::2]
        union = self.union(x, timestep, options["transformer_options"])
        if isinstance(self.how.scales, tuple):
            image, text = self.how.scales
            none = call(self.inner_model, [self.conds["none"]], x, timestep, options)[0]
            return blend_guided(instructed, null, none, union, image_scale=image, text_scale=text)
        return blend_distilled(instructed, null, union, strength=self.how.scales)

    def union(self, x: Tensor, timestep: Tensor, options: Options) -> Tensor | None:
        """(H, W) 1 in any mask, or None once disentangled sampling is over."""
        progress = sampling_progress(float(timestep[0]), options["sample_sigmas"])
        if progress >= SHARE - 1e-6:
            return None
        patch = self.family.patch(bare_model(self.inner_model.diffusion_model))
        masks = self.masks_for(picture_extent(x, patch), progress)
        union = spread_tokens(masks.any(0)[None], patch, (x.shape[-2], x.shape[-1]))[0]
        return union.to(x)


MasksFor = Callable[[Extent, float], Tensor]
"""(rows, columns) of tokens and progress -> (N, h, w) bool masks of the regions taking part."""


def cached_masks(how: FoISettings) -> MasksFor:
    """The regions on the token grid, made once for each set that takes part."""

    @lru_cache(maxsize=16)
    def build(extent: Extent, active: tuple[bool, ...]) -> Tensor:
        grid = (math.ceil(extent[0]), math.ceil(extent[1]))
        return region_masks(how.regions, grid, extent, active=active)

    def masks_for(extent: Extent, progress: float) -> Tensor:
        return build(extent, tuple(in_window(progress, r.start, r.end) for r in how.regions))

    return masks_for


def foi_conditionings(
    positive: Conditioning, null: Conditioning, how: FoISettings
) -> tuple[Conditioning, Conditioning]:
    """(I,T) and (I,0) as one conditioning with a batch of two, and (0,0).

    The null text is brought to the length of the instructions: cut, or repeated and cut.

    Raises:
        ValueError: regions that are not those of the conditioning.
    """
    spans = conditioning_spans(positive)
    refuse_others(how.regions, spans)
    extras = split_branches(positive).extras
    text, [empty, null_extras] = positive[0][0], null[0]
    repeats = -(-text.shape[1] // empty.shape[1])
    empty = empty.repeat(1, repeats, 1)[:, : text.shape[1]].to(text)
    pooled, null_pooled = extras.get("pooled_output"), null_extras.get("pooled_output")
    if pooled is not None and null_pooled is not None:
        extras = {**extras, "pooled_output": torch.cat([pooled, null_pooled])}
    conds = {**extras["model_conds"], FOI: SpansCond(spans)}
    bare = {key: value for key, value in extras.items() if key != "reference_latents"}
    extras = repeat_references({**extras, "model_conds": conds}, 2)
    pair = [[torch.cat([text, empty]), extras]]
    return pair, [[empty, {**bare, "pooled_output": null_extras.get("pooled_output")}]]


def foi_forward(how: FoISettings, masks_for: MasksFor) -> Callable[..., Tensor]:
    """The wrapper around the model that substitutes the logits of pairs of branches."""

    @around_model
    def forward(call: ModelCall, run: Forward) -> Tensor:
        runs = call_spans(call, FOI)
        if not runs or step_number(call) < how.plain_steps:
            return run()
        family = require_family(call.model, "FoI Guider")
        options, added = watch_text(call.options)
        used: list[int] = []

        @cache
        def change() -> FoIChange:
            sequence = token_sequence(family, call, runs[0][0], added())
            masks = masks_for(sequence.extents[0], call_progress(call))
            boosts = foi_boosts([how.boost * region.strength for region in how.regions], call.level)
            return FoIChange(sequence.layout, masks, boosts)

        override = foi_override(options.get(OVERRIDE), used, change)
        out = run({**options, OVERRIDE: override})
        if not used:
            raise ValueError(
                "no block ran with FoI's logits: another patch replaced the attention override. "
                "Remove it from the model of FoI Guider."
            )
        return out

    return forward


class FoIChange(NamedTuple):
    """What FoI changes in one forward: see ``foi_attend``."""

    layout: TokenLayout
    masks: Tensor
    boosts: Tensor


def call_progress(call: ModelCall) -> float:
    """How far the sampling is at this call, 0 .. 1."""
    return sampling_progress(call.level, call.options["sample_sigmas"])


def foi_override(
    previous: Override | None, used: list[int], change: Callable[[], FoIChange]
) -> Override:
    """An attention override with FoI's logits; ``used`` is filled at every call."""

    @whole_sequence
    def override(
        func: Override,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        mask: Tensor | None = None,
        **rest: Any,
    ) -> Tensor:
        split = split_heads(q, k, v, heads, rest)
        used.append(split.q.shape[2])
        plain = open_call(previous, func)

        def kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
            call = plain if mask is None else attention_call(previous, q)
            return call(q, k, v, heads, mask=mask, **split.rest)

        out = foi_attend(split.q, split.every_k(), split.every_v(), *change(), kernel, mask)
        return as_wanted(out, heads, split.flat)

    return override
