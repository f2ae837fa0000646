"""The seam of FoI: a guider of pairs of branches, and disentangled sampling."""

from collections.abc import Mapping, Sequence
from typing import Any

import comfy.samplers
import torch
from comfy.model_base import BaseModel
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..attention.window import inside_levels, inside_steps, sampling_progress
from ..mask_ops.found_masks import spread_tokens
from ..sampling.foi import blend_distilled, blend_guided
from .call import KEY, WRAPPER, Options, bare_model
from .carrier import Conditioning, SpansCond, conditioning_spans
from .foi_attention import FOI, NODE, FoISettings, cached_masks, foi_forward
from .guidance import Guided, after_guidance, refuse_blending
from .iid import has_batches, repeat_references, split_branches
from .known import known_model, require_text_first
from .lora_shelf import refuse_loras
from .moment import is_past
from .regions import refuse_others
from .run import say_part_once
from .sampling_run import is_layer_for
from .sequence import picture_extent
from .whole import watch_runs


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
        refuse_blending(model.model_options, NODE)
        refuse_loras(how.regions, NODE)
        known = known_model(model, NODE)
        require_text_first(known.family, known.diffusion, NODE)
        self.family = known.family
        self.masks_for = cached_masks(how)
        patched = model.clone()
        patched.add_wrapper_with_key(WRAPPER, FOI, foi_forward(how, self.masks_for))
        watch_runs(patched, FOI)
        super().__init__(patched)
        pair, plain, none = foi_conditionings(positive, null, how)
        self.inner_set_conds({"positive": pair, "plain": plain, "none": none})
        self.how = how

    def predict_noise(
        self,
        x: Tensor,
        timestep: Tensor,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> Tensor:
        """The clean latent that FoI's velocity leads to."""
        options = model_options or {}
        refuse_blending(options, NODE)
        refuse_others_batch(self.inner_model, x, self.conds["plain"])
        twice, levels = x.repeat_interleave(2, dim=0), timestep.repeat_interleave(2, dim=0)
        pair = self.predict("positive", twice, levels, options)
        instructed, null = pair[0::2], pair[1::2]
        union, scales = self.union(x, timestep, options["transformer_options"]), self.how.scales
        if isinstance(scales, tuple):
            image, text = scales
            none = self.predict("none", x, timestep, options)
            blended = blend_guided(
                instructed, null, none, union, image_scale=image, text_scale=text
            )
        else:
            none, text = null, scales
            blended = blend_distilled(instructed, null, union, strength=text)
        conds = self.conds["plain"], self.conds["none"]
        guided = Guided(blended, instructed, none, *conds, text)
        return after_guidance(guided, x, timestep, self.inner_model, options)

    def predict(self, which: str, x: Tensor, sigma: Tensor, options: dict[str, Any]) -> Tensor:
        """The model's prediction of the clean latent with one of the conditionings."""
        return comfy.samplers.calc_cond_batch(
            self.inner_model, [self.conds[which]], x, sigma, options
        )[0]

    def union(self, x: Tensor, timestep: Tensor, options: Options) -> Tensor | None:
        """(H, W) 1 in any mask, or None once disentangled sampling is over."""
        level, schedule = float(timestep[0]), options["sample_sigmas"]
        sampling, how = self.inner_model.model_sampling, self.how
        if how.window_by == "noise level":
            inside = inside_levels(level, sampling.percent_to_sigma)
        else:
            say_part_once(options, schedule, sampling, "the share of disentangled steps", NODE)
            inside = inside_steps(sampling_progress(level, schedule))
        if is_past(level, how.disentangled_share, how.window_by, schedule, sampling):
            return None
        patch = self.family.patch(bare_model(self.inner_model.diffusion_model))
        masks = self.masks_for(picture_extent(x, patch), inside)
        union = spread_tokens(masks.any(0)[None], patch, (x.shape[-2], x.shape[-1]))[0]
        return union.to(x)


def refuse_others_batch(model: BaseModel, x: Tensor, conds: Sequence[Mapping[str, Any]]) -> None:
    """Refuse latents that are no pictures, and a batch with controls of its items' own.

    Raises:
        ValueError: with what to do.
    """
    if x.ndim != 4 and not is_layer_for(model, x):
        raise ValueError(
            f"FoI Guider takes latents of pictures, (batch, channels, height, width), got "
            f"{(*x.shape,)}. Videos and layers cannot be edited with it."
        )
    if len(x) > 1 and any(has_batches(cond) for cond in conds):
        raise ValueError(
            f"FoI Guider runs every picture twice, but {len(x)} pictures come with a ControlNet "
            "image or a fill mask for each. Edit them one by one."
        )


def foi_conditionings(
    positive: Conditioning, null: Conditioning, how: FoISettings
) -> tuple[Conditioning, Conditioning, Conditioning]:
    """(I,T) and (I,0) as one conditioning with a batch of two, (I,T) alone, and (0,0).

    The null text is brought to the length of the instructions: cut, or repeated and cut.

    Raises:
        ValueError: regions that are not those of the conditioning.
    """
    spans = conditioning_spans(positive)
    refuse_others(how.regions, spans)
    extras = split_branches(positive).extras
    plain = [[positive[0][0], extras]]
    text, [empty, null_extras] = positive[0][0], null[0]
    repeats = -(-text.shape[1] // empty.shape[1])
    empty = empty.repeat(1, repeats, 1)[:, : text.shape[1]].to(text)
    pooled, null_pooled = extras.get("pooled_output"), null_extras.get("pooled_output")
    if pooled is not None and null_pooled is not None:
        extras = {**extras, "pooled_output": torch.cat([pooled, null_pooled])}
    conds = {**extras["model_conds"], FOI: SpansCond(spans, text)}
    bare = {key: value for key, value in extras.items() if key != "reference_latents"}
    extras = repeat_references({**extras, "model_conds": conds}, 2)
    pair = [[torch.cat([text, empty]), extras]]
    return pair, plain, [[empty, {**bare, "pooled_output": null_extras.get("pooled_output")}]]
