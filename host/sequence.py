"""Which token stands where in the attention calls of one forward."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ..attention.recipe import Extent
from ..attention.skip_background import without
from ..attention.tokens import TokenLayout
from ..prompts.spans import Added, PromptSpans, find_appended, text_layout, text_order
from .call import KEY, ModelCall, Options
from .families import Family, Stage, Stream

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class TokenSequence:
    """The tokens of one forward.

    Attributes:
        layout: canonical, ``[text | latent | references]``; what the host adds to the text
            (padding, tokens of other patches) belongs to the global prompt.
        extents: (rows, columns) of tokens that the latent and every reference really span.
        orders: per attention call, blocks first, the canonical token that each key is of.
        queries: per call likewise of each query; None: as the keys.
        blocks: per call the number of the block whose kind of bias it gets.
        padding: canonical tokens of the global prompt's padding, as runs (first, last + 1).
    """

    layout: TokenLayout
    extents: tuple[Extent, ...]
    orders: tuple[tuple[int, ...], ...]
    queries: tuple[tuple[int, ...] | None, ...] = ()
    blocks: tuple[int, ...] = ()
    padding: tuple[tuple[int, int], ...] = ()


def token_sequence(
    family: Family,
    call: ModelCall,
    spans: PromptSpans,
    added: Added | None = None,
    kept: Tensor | None = None,
) -> TokenSequence:
    """The tokens of a call whose text has these spans.

    Args:
        added: what other patches added to the text inside the model.
        kept: (image tokens,) bool, those that stay in the sequence; None: all.

    Raises:
        ValueError: a text that is too short for its prompts.
    """
    layout, extents, beside = call_layout(family, call, spans, added)
    stages = family.stages(call, layout, text_order(layout, beside))
    left = [cut_stage(one, layout, kept) for one in stages]
    return TokenSequence(
        layout,
        extents,
        orders=tuple(stage.order for stage in left for _ in range(stage.count)),
        queries=tuple(stage.queries for stage in left for _ in range(stage.count)),
        blocks=tuple(block for stage in left for block in stage.blocks),
        padding=spans.padding(beside.front),
    )


def call_layout(
    family: Family, call: ModelCall, spans: PromptSpans, added: Added | None = None
) -> tuple[TokenLayout, tuple[Extent, ...], Added]:
    """The layout of a call, what its pictures span, and what stands beside the prompts in its text.

    Arguments and errors as for ``token_sequence``.
    """
    patch = family.patch(call.model)
    pictures = [call.x, *family.references(call)]
    extents = tuple(picture_extent(picture, patch) for picture in pictures)
    grids = [(math.ceil(rows), math.ceil(columns)) for rows, columns in extents]
    beside = find_appended(spans, call.context.shape[1], family.padded_to(call.model))
    beside += added or Added()
    beside += Added(behind=family.extra_tokens(call))
    return text_layout(spans, grids[0], grids[1:], beside), extents, beside


def cut_stage(stage: Stage, layout: TokenLayout, kept: Tensor | None) -> Stage:
    """A stage without the image tokens that are left out."""
    if kept is None:
        return stage
    queries = None if stage.queries is None else without(stage.queries, layout, kept)
    return replace(stage, order=without(stage.order, layout, kept), queries=queries)


def call_streams(
    family: Family,
    call: ModelCall,
    layout: TokenLayout,
    beside: Added,
    kept: Tensor | None,
) -> list[Stream]:
    """The layers of a call that act on single tokens, without the image tokens left out."""
    streams = list(family.streams(call, layout, text_order(layout, beside)))
    if kept is None:
        return streams
    return [replace(one, tokens=without(one.tokens, layout, kept)) for one in streams]


POSITIONS = f"{KEY}_positions"
Runs = Sequence[tuple[PromptSpans, slice]]


def prompts_alone(family: Family, call: ModelCall, runs: Runs, options: Options) -> Options:
    """The options under which every prompt has the positions that it has alone.

    Nothing changes where all text has the same position, or where positions shall run on.

    Args:
        runs: the spans of the call's text, each with its items of the batch.
    """
    if POSITIONS in options or not family.text_positions(call.model):
        return options
    if not any(spans.starts for spans, _ in runs):
        return options
    tokens, items = call.context.shape[1], len(call.context)
    rows = tuple(spans.positions(tokens) for spans, part in runs for _ in range(items)[part])
    options = family.alone(options, runs[0][0].lengths[0])
    return patched_first(options, take_positions, POSITIONS, positions_on(rows, call.x.device))


def patched_first(
    options: Options, patch: Callable[[Inputs], Inputs], name: str, value: Any
) -> Options:
    """The options with a ``post_input`` patch before all others, and what it reads from them."""
    patches = dict(options.get("patches", {}))
    patches["post_input"] = [patch, *patches.get("post_input", ())]
    return {**options, "patches": patches, name: value}


@lru_cache(maxsize=16)
def positions_on(rows: tuple[tuple[int, ...], ...], device: torch.device) -> Tensor:
    """(B, T) int64: the place in running text whose position each token gets."""
    return torch.tensor(rows, device=device)


def take_positions(inputs: Inputs) -> Inputs:
    """A ``post_input`` patch; it stands before any that adds text.

    Running positions have the same distance everywhere, so any can be told from the first two: a
    prompt that was read behind pictures may stand beyond the end of this text.
    """
    ids = inputs["txt_ids"]
    places = inputs["transformer_options"][POSITIONS][..., None]
    step = ids[:, 1:2] - ids[:, :1]
    return {**inputs, "txt_ids": ids[:, :1] + places * step} if step.numel() else inputs


def picture_extent(latent: Tensor, patch: int) -> Extent:
    """(rows, columns) of tokens that a latent (.., H, W) spans; the last may be cut."""
    return latent.shape[-2] / patch, latent.shape[-1] / patch


def whole_text(call: ModelCall) -> PromptSpans:
    """Spans that take the whole text of a call for one prompt."""
    return PromptSpans((call.context.shape[1],), ())


def watch_text(options: Options) -> tuple[Options, Callable[[], Added]]:
    """transformer_options under which tokens that other patches add to the text are seen.

    Packs append picture tokens to the text inside the model (``post_input`` patches), at either
    end. Nothing is watched where no such patch is set.

    Returns:
        The options, and a function that says what was added, once the blocks run.
    """
    patches = options.get("patches", {})
    others = patches.get("post_input") or ()
    if not others:
        return options, Added
    before: list[Tensor] = []
    found: list[Added] = []

    @torch.compiler.disable
    def note(inputs: Inputs) -> Inputs:
        before[:] = [inputs["txt"]]
        return inputs

    @torch.compiler.disable
    def settle(inputs: Inputs) -> Inputs:
        found[:] = [find_added(before.pop(), inputs["txt"])]
        return inputs

    def added() -> Added:
        return found[0] if found else Added()

    watched = {**patches, "post_input": [note, *others, settle]}
    return {**options, "patches": watched}, added


def find_added(before: Tensor, after: Tensor) -> Added:
    """Where the text stands in a longer one.

    Args:
        before, after: (B, T, width) and (B, T', width) with T' >= T.

    Raises:
        ValueError: text that another patch changed.
    """
    more = after.shape[1] - before.shape[1]
    if more == 0:
        return Added()
    for front in (0, *range(max(more, 0), 0, -1)):
        if more > 0 and torch.equal(after[:, front : front + before.shape[1]], before):
            return Added(front, more - front)
    raise ValueError(
        f"another patch changed the text inside the model ({before.shape[1]} tokens became "
        f"{after.shape[1]}, and they are not among them): the prompts' places are lost. Remove "
        "that patch from models with instance attention."
    )
