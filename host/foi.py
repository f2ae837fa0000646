"""The seam of FoI: pairs of branches, substituted logits, disentangled sampling."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import comfy.conds
import comfy.patcher_extension
import comfy.samplers
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..attention.foi import foi_attend, foi_boosts
from ..attention.schedule import sampling_progress
from ..attention.tokens import TokenLayout
from ..mask_ops.found_masks import spread_tokens
from ..mask_ops.regions import InstanceRegion, region_masks
from ..prompts.spans import PromptSpans
from ..sampling.foi import SHARE, blend_distilled, blend_guided
from .capture import step_number
from .iid import Conditioning, repeat_references, split_branches
from .kernels import attention_call, whole_sequence
from .layout import conditioning_spans
from .patch import KEY, find_layout

FOI = f"{KEY}_foi"
WRAPPER = comfy.patcher_extension.WrappersMP.DIFFUSION_MODEL
Options = Mapping[str, Any]


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
        patched = model.clone()
        patched.add_wrapper_with_key(WRAPPER, FOI, foi_forward(how))
        super().__init__(patched)
        pair, none = foi_conditionings(positive, null, how)
        self.inner_set_conds({"positive": pair, "none": none})
        self.how = how

    def predict_noise(
        self, x: Tensor, timestep: Tensor, model_options: dict[str, Any], seed: int | None = None
    ) -> Tensor:
        """The clean latent that FoI's velocity leads to."""
        call = comfy.samplers.calc_cond_batch
        twice, levels = x.repeat_interleave(2, dim=0), timestep.repeat_interleave(2, dim=0)
        pair = call(self.inner_model, [self.conds["positive"]], twice, levels, model_options)[0]
        instructed, null = pair[0::2], pair[1::2]
        union = self.union(x, timestep, model_options["transformer_options"])
        if isinstance(self.how.scales, tuple):
            image, text = self.how.scales
            none = call(self.inner_model, [self.conds["none"]], x, timestep, model_options)[0]
            return blend_guided(instructed, null, none, union, image_scale=image, text_scale=text)
        return blend_distilled(instructed, null, union, strength=self.how.scales)

    def union(self, x: Tensor, timestep: Tensor, options: Options) -> Tensor | None:
        """(H, W) 1 in any mask, or None once disentangled sampling is over."""
        progress = sampling_progress(float(timestep[0]), options["sample_sigmas"])
        if progress >= SHARE - 1e-6:
            return None
        patch = self.inner_model.diffusion_model.patch_size
        extent = (x.shape[-2] / patch, x.shape[-1] / patch)
        masks = foi_region_masks(self.how, extent, progress)
        union = spread_tokens(masks.any(0)[None], patch, (x.shape[-2], x.shape[-1]))[0]
        return union.to(x)


def foi_region_masks(how: FoISettings, extent: tuple[float, float], progress: float) -> Tensor:
    """(N, h, w) bool masks of the regions that take part at this point of the sampling."""
    grid = (-int(-extent[0] // 1), -int(-extent[1] // 1))
    active = [region.start <= progress + 1e-6 and progress < region.end for region in how.regions]
    return region_masks(how.regions, grid, extent, active=active)


def foi_conditionings(
    positive: Conditioning, null: Conditioning, how: FoISettings
) -> tuple[Conditioning, Conditioning]:
    """(I,T) and (I,0) as one conditioning with a batch of two, and (0,0).

    The null text is brought to the length of the instructions: cut, or repeated and cut.

    Raises:
        ValueError: regions that are not those of the conditioning.
    """
    spans = conditioning_spans(positive)
    wanted = tuple(region.instruction for region in how.regions)
    if spans.instructions != wanted:
        raise ValueError(
            f"the conditioning was encoded for {list(spans.instructions)}, the regions are for "
            f"{list(wanted)}. Connect the regions that Locate Instruction found in the same "
            "conditioning, or those that Multi-Prompt Encode got."
        )
    extras = split_branches(positive).extras
    text, [empty, null_extras] = positive[0][0], null[0]
    repeats = -(-text.shape[1] // empty.shape[1])
    empty = empty.repeat(1, repeats, 1)[:, : text.shape[1]].to(text)
    pooled = (extras.get("pooled_output"), null_extras.get("pooled_output"))
    if None not in pooled:
        extras = {**extras, "pooled_output": torch.cat(pooled)}
    conds = {**extras["model_conds"], FOI: comfy.conds.CONDConstant(spans)}
    bare = {key: value for key, value in extras.items() if key != "reference_latents"}
    extras = repeat_references({**extras, "model_conds": conds}, 2)
    pair = [[torch.cat([text, empty]), extras]]
    return pair, [[empty, {**bare, "pooled_output": null_extras.get("pooled_output")}]]


def foi_forward(how: FoISettings) -> Callable[..., Tensor]:
    """The wrapper around FLUX's forward that substitutes the logits of pairs of branches."""

    def forward(executor: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        timestep, context, _, _, ref_latents, _, options = args
        spans: PromptSpans | None = kwargs.get(FOI)
        if spans is None or step_number(timestep, options) < how.plain_steps:
            return executor(x, *args, **kwargs)
        layout, _, extents = find_layout(executor.class_obj, spans, x, context, ref_latents)
        sigma = float(options["sigmas"][0])
        masks = foi_region_masks(
            how, extents[0], sampling_progress(sigma, options["sample_sigmas"])
        )
        boosts = foi_boosts([how.boost * region.strength for region in how.regions], sigma)
        used: list[int] = []
        override = foi_override(
            options.get("optimized_attention_override"), used, layout, masks, boosts
        )
        changed = {**options, "optimized_attention_override": override}
        out = executor(x, *args[:-1], changed, **kwargs)
        if not used:
            raise ValueError(
                "no block ran with FoI's logits: another patch replaced the attention override. "
                "Remove it from the model of FoI Guider."
            )
        return out

    return forward


def foi_override(
    previous: Callable[..., Tensor] | None,
    used: list[int],
    layout: TokenLayout,
    masks: Tensor,
    boosts: Tensor,
) -> Callable[..., Tensor]:
    """An attention override with FoI's logits; ``used`` is filled at every call."""

    @whole_sequence
    def override(
        func: Callable[..., Tensor],
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        mask: Tensor | None = None,
        **rest: Any,
    ) -> Tensor:
        used.append(q.shape[2])
        plain = func if previous is None else partial(previous, func)

        def kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
            call = plain if mask is None else attention_call(previous, q)
            return call(q, k, v, heads, mask=mask, **rest)

        return foi_attend(q, k, v, layout, masks, boosts, kernel, mask)

    return override
