"""Which token stands where in the attention calls of one forward."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..attention.recipe import Extent
from ..attention.tokens import TokenLayout
from ..prompts.spans import PromptSpans, text_order
from .call import ModelCall, Options
from .families import Family

Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Added:
    """Text tokens that other patches added inside the model, before and behind the given ones."""

    front: int = 0
    behind: int = 0


@dataclass(frozen=True)
class TokenSequence:
    """The tokens of one forward.

    Attributes:
        layout: canonical, ``[text | latent | references]``; what the host adds to the text
            (padding, tokens of other patches) belongs to the global prompt.
        extents: (rows, columns) of tokens that the latent and every reference really span.
        orders: per block, doubles first, the canonical token at each place of its sequence.
    """

    layout: TokenLayout
    extents: tuple[Extent, ...]
    orders: tuple[tuple[int, ...], ...]


def token_sequence(
    family: Family, call: ModelCall, spans: PromptSpans, added: Added | None = None
) -> TokenSequence:
    """The tokens of a call whose text has these spans.

    Raises:
        ValueError: text of another length than the prompts account for.
    """
    added = added or Added()
    patch = family.patch(call.model)
    pictures = [call.x, *family.references(call)]
    extents = tuple(picture_extent(picture, patch) for picture in pictures)
    grids = [(math.ceil(rows), math.ceil(columns)) for rows, columns in extents]
    padded_to = family.padded_to(call.model)
    layout, repeats = spans.layout(call.context.shape[1], grids[0], grids[1:], padded_to)
    if added != Added():
        first, *others = layout.text_lengths
        lengths = (first + added.front + added.behind, *others)
        layout = TokenLayout(lengths, layout.latent_grid, layout.reference_grids)
    first = spans.hidden(padded_to) if family.text_padding(call.model) == "left" else 0
    text = text_order(layout, repeats, added.front, added.behind, first)
    stages = family.stages(call, layout, text)
    orders = tuple(stage.order for stage in stages for _ in range(stage.count))
    return TokenSequence(layout, extents, orders)


def aligned_text(
    family: Family, call: ModelCall, runs: Sequence[tuple[PromptSpans, slice]]
) -> Tensor:
    """The text of a call, fillings moved to the side on which they do not move the words."""
    if family.text_padding(call.model) == "right" or not any(one.filling for one, _ in runs):
        return call.context
    parts = [call.context[items].roll(spans.filling, dims=1) for spans, items in runs]
    return torch.cat(parts)


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
