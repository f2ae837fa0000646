"""Prompt spans on their way through a conditioning to the model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, TypeVar

import comfy.conds
import torch
from torch import Tensor

from ..prompts.spans import PromptSpans
from .call import KEY, ModelCall

Conditioning = list[list[Any]]
Items = tuple[PromptSpans, ...]
Pooled = tuple[Tensor, ...]
"""Per instruction its own pooled vector, (1, width); empty where the encoder gives none."""
T = TypeVar("T")


class Carried(tuple[Items, ...]):
    """The items of every chunk of a model call, under way to the wrapper that reads them.

    ComfyUI asks each keyword for its ``dtype`` when it hands it to the model itself. That these get
    so far means that nobody read them.
    """

    @property
    def dtype(self) -> torch.dtype:
        raise ValueError(
            "the conditioning holds instances, but nothing in this model reads them. Connect the "
            "model to Apply Instance Attention; if it is, a node behind that dropped its patches "
            "(Model Merge Simple keeps model1's alone). For a plain edit use CLIP Text Encode."
        )


class SpansCond(comfy.conds.CONDRegular):
    """The spans of a conditioning, one for all items of a batch or a tuple with one per item.

    Conditionings whose texts are equally long may share a model call; ``concat`` then gives the
    items of each.

    Attributes:
        text: (B, T, width) as it was encoded; shared with the conditioning, not copied.
        pooled: per item; empty where nobody kept any.
    """

    cond: PromptSpans | Items

    def __init__(
        self, cond: PromptSpans | Items, text: Tensor, pooled: tuple[Pooled, ...] = ()
    ) -> None:
        super().__init__(cond)
        self.text = text
        self.pooled = pooled

    @property
    def items(self) -> Items:
        """One for all items of the batch, or one per item."""
        return self.cond if isinstance(self.cond, tuple) else (self.cond,)

    def process_cond(self, batch_size: int, area: object = None, **_: object) -> "SpansCond":
        items = tuple(replace(item, cropped=area is not None) for item in self.items)
        return SpansCond(items, self.text, self.pooled)

    def with_appended(self, tokens: int) -> "SpansCond":
        """The same with so many tokens of other nodes behind its text."""
        items = tuple(replace(item, appended=tokens) for item in self.items)
        cond = items if isinstance(self.cond, tuple) else items[0]
        return SpansCond(cond, self.text, self.pooled)

    def can_concat(self, other: "SpansCond") -> bool:
        return self.items[0].total == other.items[0].total

    def concat(  # pyright: ignore[reportIncompatibleMethodOverride]: core says tensors alone
        self, others: Sequence["SpansCond"]
    ) -> Carried:
        return Carried((self.items, *(other.items for other in others)))

    def size(self) -> list[int]:
        return [1]


def every_cond(conds: Mapping[str, Sequence[T]]) -> list[T]:
    """All conditionings of a run, as core holds them once it is prepared."""
    return [cond for several in conds.values() for cond in several]


def carried_spans(extras: Mapping[str, Any]) -> SpansCond | None:
    """What a conditioning's extras, or core's own form of them, carry of ours; None for nothing."""
    return extras.get("model_conds", {}).get(KEY)


def attach_spans(
    conditioning: Conditioning, *spans: PromptSpans, pooled: tuple[Pooled, ...] = ()
) -> Conditioning:
    """The conditioning with its prompt spans; they survive Combine, ReferenceLatent and the like.

    Args:
        spans: one for all items of the text's batch, or one per item.
        pooled: likewise the pooled vectors of their instructions.
    """
    cond = spans[0] if len(spans) == 1 else spans
    return [
        entry
        for text, extras in conditioning
        for entry in attach([[text, extras]], KEY, SpansCond(cond, text, pooled))
    ]


def without_spans(conditioning: Conditioning) -> Conditioning:
    """The same text and references as a plain prompt: no instance attention acts on it."""
    plain: Conditioning = []
    for text, extras in conditioning:
        kept = {key: one for key, one in extras.get("model_conds", {}).items() if key != KEY}
        plain.append([text, {**extras, "model_conds": kept}])
    return plain


def attach(conditioning: Conditioning, key: str, cond: comfy.conds.CONDRegular) -> Conditioning:
    """The conditioning with one more condition, which reaches the model under ``key``."""
    return [
        [text, {**extras, "model_conds": {**extras.get("model_conds", {}), key: cond}}]
        for text, extras in conditioning
    ]


def conditioning_spans(conditioning: Conditioning, picture: int | None = None) -> PromptSpans:
    """The prompt spans that Multi-Prompt Encode put into a conditioning.

    Args:
        picture: whose, of a batch of pictures with regions of their own; None: there is but one.

    Raises:
        ValueError: none, those of several pictures, or a text that another node changed.
    """
    items = conditioning_items(conditioning)[0]
    if picture is None and len(items) > 1:
        raise ValueError(
            f"the conditioning holds the regions of {len(items)} pictures, but one "
            "picture is looked at here. Encode that picture's regions alone."
        )
    return items[(picture or 0) % len(items)]


def own_pooled(conditioning: Conditioning) -> Pooled:
    """The pooled vector of each instruction of a conditioning for one picture."""
    [[_, extras]] = conditioning
    carried = carried_spans(extras)
    return carried.pooled[0] if carried is not None and carried.pooled else ()


def conditioning_items(conditioning: Conditioning) -> tuple[Items, ...]:
    """Of each part of a conditioning that holds instances: the spans of its items.

    Raises:
        ValueError: no part holds any, or another node changed a text.
    """
    found: list[Items] = []
    for text, extras in conditioning:
        carried = carried_spans(extras)
        if carried is not None:
            appended_tokens(carried, text)
            found.append(carried.items)
    if not found:
        raise ValueError(
            "the conditioning holds no instances: connect the one that comes from Multi-Prompt "
            "Encode."
        )
    return tuple(found)


def appended_tokens(carried: SpansCond, text: Tensor) -> int:
    """How many tokens other nodes appended to a text whose prompts are still what was encoded.

    Text of zeros (Conditioning Zero Out) is taken for the same prompts.

    Args:
        text: (B, T, width), as the conditioning holds it now, before the host pads it.

    Raises:
        ValueError: other text than was encoded.
    """
    own = carried.text
    more = text.shape[1] - own.shape[1]
    if more < 0 or not (same_text(text[:, : own.shape[1]], own) or not bool(text.any())):
        raise ValueError(
            f"another node changed the text after Multi-Prompt Encode ({own.shape[1]} tokens were "
            f"encoded, {text.shape[1]} came, and the first of them are not the same; Conditioning "
            "Average, Combine and the like do that): the prompts' places are lost. Connect "
            "Multi-Prompt Encode's output without that node. Conditioning Concat may append text "
            "to it: Multi-Prompt Encode goes to conditioning_to."
        )
    return more


def same_text(text: Tensor, own: Tensor) -> bool:
    """True if a text is another as it was, but for a cast and a repeated batch."""
    if len(text) % len(own) or text.shape[2] != own.shape[2]:
        return False
    text, own = text.to("cpu"), own.to("cpu").repeat(len(text) // len(own), 1, 1)
    casts = (text.dtype, torch.bfloat16, torch.float16)
    return any(torch.equal(text, own.to(dtype).to(text.dtype)) for dtype in casts)


def call_spans(call: ModelCall, key: str = KEY) -> list[tuple[PromptSpans, slice]]:
    """The spans of a model call, each with the items of the batch that have them; [] for none.

    Raises:
        ValueError: regions of more pictures than the call has.
    """
    chunks: tuple[Items, ...] = call.extras.get(key) or ()
    if not chunks:
        return []
    each = len(call.x) // len(chunks)
    if len(call.x) % len(chunks):
        raise ValueError(
            f"a model call holds {len(call.x)} picture(s) for {len(chunks)} conditionings: another "
            "pack calls the model on parts of a batch. Remove its node from this model."
        )
    for chunk in chunks:
        if each % len(chunk):
            raise ValueError(
                f"the conditioning holds regions of {len(chunk)} pictures, but {each} are sampled "
                "together: the latent's batch must be as large. For several masks of one picture "
                "use Instance Regions from Masks."
            )
    items = [chunk[i % len(chunk)] for chunk in chunks for i in range(each)]
    runs: list[tuple[PromptSpans, slice]] = []
    for spans, run in groupby(range(len(items)), key=items.__getitem__):
        places = list(run)
        runs.append((spans, slice(places[0], places[-1] + 1)))
    return runs
