"""The seam of FoI's attention: pairs of branches of which one gets substituted logits."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

from torch import Tensor

from ..attention.foi import foi_attend, foi_boosts
from ..attention.recipe import Extent
from ..attention.tokens import TokenLayout
from ..attention.window import Inside, WindowBy, is_before
from ..mask_ops.regions import InstanceRegion, region_masks
from ..sampling.foi import SHARE
from .attention_call import OVERRIDE, as_wanted, split_heads
from .call import KEY, Forward, ModelCall, around_model
from .capture import step_number
from .carrier import call_spans
from .kernels import Override, attention_call, open_call, whole_sequence
from .known import require_family
from .moment import call_inside, is_past
from .override import counted_options
from .reached import Tally, check_reached, named_calls, watching_blocks
from .run import is_first_call, without_run
from .sequence import prompts_alone, token_sequence, watch_text
from .whole import is_part, refuse_parts

FOI = f"{KEY}_foi"
NODE = "FoI Guider"
USUAL_STEPS = 28
"""Of a FLUX edit: what ``plain_steps`` is a share of where windows go by noise level."""

MasksFor = Callable[[Extent, Inside], Tensor]
"""(rows, columns) of tokens, and what lies in which window at this call -> (N, h, w) bool masks of
the regions taking part."""


@dataclass(frozen=True, eq=False)
class FoISettings:
    """How FoI acts.

    Attributes:
        regions: the instances; strength is alpha_n, the window says when one takes part.
        boost: multiplies every alpha.
        plain_steps: steps at the beginning whose logits stay as they are; by noise level they are
            counted in a sampling of ``USUAL_STEPS``.
        scales: s of the guidance-distilled form, or (s_I, s_T) of the form with CFG.
        window_by: what windows and shares are fractions of.
        disentangled_share: of the sampling, from its start: the picture moves in the masks alone.
        modulated_share: behind that share of the sampling logits stay as they are.
    """

    regions: tuple[InstanceRegion, ...]
    boost: float
    plain_steps: int
    scales: float | tuple[float, float]
    window_by: WindowBy = "steps"
    disentangled_share: float = SHARE
    modulated_share: float = 1.0


def cached_masks(how: FoISettings) -> MasksFor:
    """The regions on the token grid, made once for each set that takes part."""

    @lru_cache(maxsize=16)
    def build(extent: Extent, active: tuple[bool, ...]) -> Tensor:
        grid = (math.ceil(extent[0]), math.ceil(extent[1]))
        return region_masks(how.regions, grid, extent, active=active)

    def masks_for(extent: Extent, inside: Inside) -> Tensor:
        return build(extent, tuple(inside(r.start, r.end) for r in how.regions))

    return masks_for


def foi_forward(how: FoISettings, masks_for: MasksFor) -> Callable[..., Tensor]:
    """The wrapper around the model that substitutes the logits of pairs of branches."""

    @around_model
    def forward(call: ModelCall, run: Forward) -> Tensor:
        runs, part = call_spans(call, FOI), is_part(call)
        if not runs:
            return run(without_run(call.options))
        refuse_parts(call, [spans for spans, _ in runs], part)
        family = require_family(call.model, NODE)
        options, added = watch_text(call.options)
        plain, tally, blocks = is_plain(call, how), Tally(), sum(family.counts(call.model))

        @cache
        def change() -> FoIChange | None:
            if plain:
                return None
            sequence = token_sequence(family, call, runs[0][0], added())
            masks = masks_for(sequence.extents[0], call_inside(call, how.window_by))
            boosts = foi_boosts([how.boost * region.strength for region in how.regions], call.level)
            return FoIChange(sequence.layout, masks, boosts)

        options = prompts_alone(family, call, runs, options)
        override = foi_override(options.get(OVERRIDE), change)
        with named_calls(family, call, options) as named, watching_blocks(family, call, tally):
            counted = counted_options(named, override, family, call, tally)
            out = run(counted, without=(FOI,))
        check_reached(tally, range(blocks), call.model, is_first_call(options), NODE)
        return out

    return forward


def is_plain(call: ModelCall, how: FoISettings) -> bool:
    """True in the first steps and behind the modulated share: attention stays as it is."""
    share, schedule = how.modulated_share, call.options.get("sample_sigmas")
    if schedule is not None and is_past(call.level, share, how.window_by, schedule, call.sampling):
        return True
    if how.window_by == "steps":
        return step_number(call) < how.plain_steps
    return is_before(call.level, how.plain_steps / USUAL_STEPS, call.sampling.percent_to_sigma)


class FoIChange(NamedTuple):
    """What FoI changes in one forward: see ``foi_attend``."""

    layout: TokenLayout
    masks: Tensor
    boosts: Tensor


def foi_override(previous: Override | None, change: Callable[[], FoIChange | None]) -> Override:
    """An attention override with FoI's logits, or none where ``change`` gives None."""

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
        plain, changed = open_call(previous, func), change()
        if changed is None:
            return plain(q, k, v, heads, mask=mask, **rest)
        split = split_heads(q, k, v, heads, rest)

        def kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
            call = plain if mask is None else attention_call(previous, q)
            return call(q, k, v, heads, mask=mask, **split.rest)

        out = foi_attend(split.q, split.every_k(), split.every_v(), *changed, kernel, mask)
        return as_wanted(out, heads, split.flat)

    return override
