"""The seam for adaptive attention: maps and highlights of one sampling run, step after step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from ..attention.capture import mask_rows, text_attention
from ..attention.lqr_highlight import (
    Highlight,
    highlight_region,
    highlighted_attention,
    published_attention,
)
from ..prompts.spans import PromptSpans
from .attention_call import OVERRIDE, Heads, as_wanted, split_heads
from .call import KEY, WRAPPER, Forward, ModelCall, Options, around_model
from .carrier import call_spans
from .families import Family
from .foi_attention import FOI
from .kernels import Override, attention_call, open_call, whole_sequence
from .known import require_family, require_text_first
from .override import counted_options
from .reached import Tally, check_reached, named_calls, watching_blocks
from .sequence import Added, prompts_alone, token_sequence, watch_text, whole_text
from .skip_background import SKIP
from .whole import refuse_pieces

Words = Callable[[PromptSpans], Sequence[Sequence[int]]]
POSITIVE = 0
NODE = "adaptive attention (Dual-LQR Sampler)"


@dataclass
class Learned:
    """What adaptive attention has learned in one sampling run, per positive conditioning.

    Attributes:
        plain_steps: this many first steps of the run are not changed. Where it is below 1, the
            first step is changed by the maps of the call before it.
        maps: the double blocks' maps of the present step.
        regions: where the edits are, as far as they are known.
        watching: the present step's maps count.
        first: no model call has been seen.
    """

    highlight: Highlight
    plain_steps: int
    maps: dict[object, dict[int, Tensor]] = field(default_factory=dict[object, dict[int, Tensor]])
    regions: dict[object, Tensor] = field(default_factory=dict[object, Tensor])
    watching: bool = True
    first: bool = True

    def finish_step(self, step: int) -> None:
        """Learn from a finished step; -1 is the call before the first."""
        self.watching = step + 2 >= self.plain_steps
        if step + 1 < self.plain_steps:
            return
        for which, blocks in self.maps.items():
            if blocks:  # none where a step cache answered the call
                stacked = torch.stack(list(blocks.values()))
                self.regions[which] = highlight_region(stacked, self.highlight.threshold)
        self.maps.clear()


def highlight_edits(
    model_options: dict[str, Any],
    highlight: Highlight | None,
    words: Words | None = None,
    counted: Callable[[int], int] = int,
) -> tuple[dict[str, Any], Callable[[int], None]]:
    """Model options for one sampling run with adaptive attention.

    What it learns lives in this run alone.

    Args:
        words: per instance the numbers of the tokens in its prompt that count as the edit's words;
            None: all of them.
        counted: how many steps of this run are among the first ones of the sampling.

    Returns:
        The options, and a function to be called with the number of each finished step, and with -1
        after the call before the first.
    """
    if highlight is None:
        return model_options, lambda step: None
    plain_steps = counted(highlight.first_step - 1)
    learned = Learned(highlight, plain_steps, watching=plain_steps < 2)
    wrapper = highlighting_forward(learned, words)
    return with_wrapper(model_options, f"{KEY}_highlight", wrapper), learned.finish_step


def highlighting_forward(learned: Learned, words: Words | None) -> Callable[..., Tensor]:
    """The wrapper around the model that notes the attention's maps and applies what is known."""

    @around_model
    def forward(call: ModelCall, run: Forward) -> Tensor:
        refuse_foi(call)
        refuse_pieces(call, NODE)
        refuse_skipping(call)
        family = require_family(call.model, NODE)
        require_text_first(family, call.model, NODE)
        options, added = watch_text(call.options)
        tally, blocks = Tally(), sum(family.counts(call.model))
        seen, factors = call_chunks(options, learned)

        @cache
        def places() -> tuple[Tensor, slice]:
            return edit_keys(family, call, words, added())

        doubles = partial(double_block, family, call.model)
        normalised = learned.highlight.normalised
        override = highlight_override(
            options.get(OVERRIDE), doubles, places, seen, factors, normalised
        )
        options = prompts_alone(family, call, call_spans(call), options)
        with named_calls(family, call, options) as named, watching_blocks(family, call, tally):
            out = run(counted_options(named, override, family, call, tally), read=(KEY,))
        check_reached(tally, range(blocks), call.model, learned.first, NODE)
        learned.first = False
        return out

    return forward


def refuse_foi(call: ModelCall) -> None:
    """Refuse a model call of FoI Guider."""
    if FOI in call.extras:
        raise ValueError(
            "adaptive attention (Dual-LQR Sampler) and FoI Guider both change how the picture "
            "attends to the instructions. Switch adaptive_attention off in Dual-LQR Sampler, "
            "or sample with Basic Guider."
        )


def refuse_skipping(call: ModelCall) -> None:
    """Refuse a model call without its background."""
    if SKIP in call.options:
        raise ValueError(
            "adaptive attention (Dual-LQR Sampler) learns from the whole picture, which Skip "
            "Background leaves out. Remove one of the two."
        )


def double_block(family: Family, model: Any, where: Options) -> int | None:
    """Number of the double block that an attention call comes from; None for any other."""
    block = family.where(model, where)
    return block if block is not None and block < family.counts(model)[0] else None


def with_wrapper(
    model_options: dict[str, Any], key: str, wrapper: Callable[..., Tensor]
) -> dict[str, Any]:
    """Model options with one more wrapper around the model, before all others."""
    options = dict(model_options.get("transformer_options", {}))
    wrappers = dict(options.get("wrappers", {}))
    wrappers[WRAPPER] = {key: [wrapper], **wrappers.get(WRAPPER, {})}
    return {**model_options, "transformer_options": {**options, "wrappers": wrappers}}


def edit_keys(
    family: Family, call: ModelCall, words: Words | None = None, added: Added | None = None
) -> tuple[Tensor, slice]:
    """Which keys are the edit's words, (Z,) bool, and where the latent tokens stand.

    The words of the instances when there are any, else the whole prompt.
    """
    runs = call_spans(call)
    if len(runs) > 1:
        raise ValueError(
            "adaptive attention takes one set of regions, but the pictures of this batch have "
            "their own. Edit them one by one, or switch it off in Dual-LQR Sampler."
        )
    spans = runs[0][0] if runs else whole_text(call)
    sequence = token_sequence(family, call, spans, added)
    layout, order = sequence.layout, torch.tensor(sequence.orders[0])
    edit = torch.zeros(layout.total, dtype=torch.bool)
    if not spans.instructions:
        edit[layout.text_span(0)] = True
    elif words is None:
        edit[layout.text_span(0).stop : layout.text_total] = True
    else:
        for n, tokens in enumerate(words(spans)):
            edit[[layout.text_span(n + 1).start + token for token in tokens]] = True
    start = int((order == layout.latent_span.start).nonzero()[0])
    return edit[order].to(call.x.device), slice(start, start + layout.latent_tokens)


def call_chunks(
    options: Options, learned: Learned
) -> tuple[list[dict[int, Tensor] | None], list[Tensor | None]]:
    """Per conditioning in this call's batch: where its maps go, and its factors (b, L).

    None for the negative prompt, while nothing is watched, and for factors that are not known yet.
    """
    highlight = learned.highlight
    seen: list[dict[int, Tensor] | None] = []
    factors: list[Tensor | None] = []
    for which, kind in zip(options["uuids"], options["cond_or_uncond"], strict=True):
        positive = learned.watching and kind == POSITIVE
        seen.append(learned.maps.setdefault(which, {}) if positive else None)
        region = learned.regions.get(which) if positive else None
        factors.append(
            None if region is None else torch.where(region, highlight.inside, highlight.outside)
        )
    return seen, factors


def highlight_override(
    previous: Override | None,
    double_block: Callable[[Options], int | None],
    places: Callable[[], tuple[Tensor, slice]],
    seen: Sequence[dict[int, Tensor] | None],
    factors: Sequence[Tensor | None],
    normalised: bool = True,
) -> Override:
    """An attention override that notes the double blocks' maps and applies the known factors.

    Args:
        double_block: number of the double block that a call comes from, by its options; else None.
        places: the edit's keys and the latents' queries, see ``edit_keys``.
        normalised: see ``Highlight``.
    """

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
        chosen = open_call(previous, func)
        on = chosen if previous is None or mask is None else attention_call(previous, split.q)
        block = double_block(rest.get("transformer_options") or {})
        if block is None or not any(maps is not None for maps in seen):
            return on(q, k, v, heads, mask=mask, **rest)
        heads_of = Heads(split.q, split.every_k(), split.every_v(), split.rest, split.flat)
        out = on(*heads_of[:3], heads, mask=mask, **split.rest)
        keys, latents = places()
        words = keys[: latents.start].float().expand(len(q), 1, -1)
        share = text_attention(split.q, heads_of.k, latents, words, mask=mask)[:, :, 0]
        for maps, part in zip(seen, share.mean(1).chunk(len(seen)), strict=True):
            if maps is not None:
                maps[block] = part
        if any(factor is not None for factor in factors):
            factor = every_factor(factors, share)
            raised = share if normalised else None
            out = raise_words(out, heads_of, keys, latents, factor, raised, mask, on)
        return as_wanted(out, heads, split.flat)

    return override


def every_factor(factors: Sequence[Tensor | None], share: Tensor) -> Tensor:
    """(B, L): the factors of each conditioning in the batch, 1 where none is known."""
    neutral = torch.ones_like(share[:, 0]).chunk(len(factors))
    known = zip(factors, neutral, strict=True)
    return torch.cat([one if factor is None else factor for factor, one in known])


def raise_words(
    out: Tensor,
    split: Heads,
    keys: Tensor,
    latents: slice,
    factor: Tensor,
    share: Tensor | None,
    mask: Tensor | None,
    call: Override,
) -> Tensor:
    """``out``, (B, Lq, H * D), with the latents' attention to the edit's words multiplied.

    Args:
        share: of the words, by which the weights are normalised again; None: they are not.
    """
    heads = split.q.shape[1]
    rows = None if mask is None else mask_rows(mask, latents, split.q.dtype)

    def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        flat = call(q, k, v, heads, mask=rows, **split.rest)
        return rearrange(flat, "b l (h d) -> b h l d", h=heads)

    plain = rearrange(out[:, latents], "b l (h d) -> b h l d", h=heads)
    queries = split.q[:, :, latents]
    words = (queries, split.k, split.v, keys, factor, plain)
    if share is None:
        changed = published_attention(*words, attention)
    else:
        changed = highlighted_attention(*words, share, attention)
    out[:, latents] = rearrange(changed, "b h l d -> b l (h d)")
    return out
