"""The capture side of the seam: what image tokens read of the text while a model is sampled."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import comfy.conds
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..attention.capture import text_attention, token_weights
from ..attention.schedule import Stage, block_kinds, parse_stages
from ..attention.tokens import TokenLayout
from ..attention.window import sampling_progress
from ..prompts.spans import PromptSpans
from .attention_call import OVERRIDE, split_heads
from .call import KEY, WRAPPER, Forward, ModelCall, Options, around_model
from .carrier import Conditioning, attach, call_spans
from .families import Family
from .kernels import Override, open_call, whole_sequence
from .known import require_family
from .reached import named_calls
from .sequence import Added, prompts_alone, token_sequence, watch_text, whole_text

CAPTURE = f"{KEY}_capture"
READING = f"{KEY}_reading"


@dataclass(frozen=True)
class TextReading:
    """Which text tokens are read; travels with a conditioning as a keyword argument.

    Attributes:
        length: text tokens of the conditioning, before the host pads them.
        groups: per item of the conditioning's batch the groups of token numbers; the attention to
            a group is the mean over its tokens.
    """

    length: int
    groups: tuple[tuple[tuple[int, ...], ...], ...]


@dataclass
class Capture:
    """One capture: what is read, and what it has read so far.

    Attributes:
        blocks: numbers of the blocks, doubles first, then singles.
        steps: 0-based numbers of the steps.
        renormalise: softmax over the text keys only.
        reference: number of the reference image whose tokens read, or None for the latent's.
        latest: keep the maps of the latest of these steps alone. A sampler that adds noise may call
            the model above the level of a step, so that none of its calls is in that step.
        maps: per (step, block) the maps of each model call, (items, H, groups, h, w) on the CPU.
    """

    blocks: Collection[int]
    steps: Collection[int]
    renormalise: bool = False
    reference: int | None = None
    latest: bool = False
    maps: dict[tuple[int, int], list[Tensor]] = field(default_factory=dict)

    def mean(self) -> Tensor:
        """(items, H, groups, h, w): the mean over all blocks, steps and calls.

        Raises:
            ValueError: nothing was read.
        """
        if not self.maps:
            raise ValueError(
                "no attention could be read: another patch replaced the attention override or the "
                "blocks. Remove it from the model of this node."
            )
        return torch.stack([one for calls in self.maps.values() for one in calls]).mean(0)


def attach_reading(conditioning: Conditioning, reading: TextReading) -> Conditioning:
    """The conditioning with what shall be read of it."""
    return attach(conditioning, READING, comfy.conds.CONDConstant(reading))


def chosen_blocks(total: int, text: str, default: Stage | int) -> tuple[int, ...]:
    """Numbers of the blocks that a node's text names: ``40, 50-55`` or ``25%-75%``.

    Args:
        total: number of the model's blocks.
        text: empty means the default.
        default: a stage, or a block number that may count from the end.

    Raises:
        ValueError: another form, or no block of this model.
    """
    if not text.strip():
        if isinstance(default, int):
            return (default % total,)
        stages: tuple[Stage, ...] = (default,)
    else:
        runs = [part.strip() for part in text.split(",") if part.strip()]
        named = [f"read {run if '-' in run else f'{run}-{run}'}" for run in runs]
        stages = parse_stages(", ".join(named), ["read"])
    blocks = tuple(i for i, kind in enumerate(block_kinds(stages, total)) if kind == "read")
    if not blocks:
        raise ValueError(
            f"'{text}' names none of the model's {total} blocks (0 .. {total - 1}, doubles first)."
        )
    return blocks


def capture_attention(model: ModelPatcher, *captures: Capture) -> ModelPatcher:
    """A clone of the model that fills captures while it is sampled; sampling is unchanged.

    It stands before all other wrappers, so what it reads is the attention as it is computed:
    with the bias of instance attention and whatever mask other patches set.
    """
    patched = model.clone()
    others = patched.wrappers.get(WRAPPER, {})
    readers = [capturing_forward(capture) for capture in captures]
    patched.wrappers[WRAPPER] = {CAPTURE: readers + others.pop(CAPTURE, []), **others}
    return patched


def capturing_forward(capture: Capture) -> Callable[..., Tensor]:
    """The wrapper around the model that reads the attention of one capture."""

    @around_model
    def forward(call: ModelCall, run: Forward) -> Tensor:
        runs = call_spans(call)
        reading: TextReading | None = call.extras.get(READING)
        if reading is None and runs:
            reading = span_reading([spans for spans, _ in runs])
        step = step_number(call)
        if reading is None or step not in capture.steps:
            return run(read=(KEY,))
        family = require_family(call.model, "a locator")
        options, added = watch_text(call.options)
        reader = TextReader(capture, family, call, reading, step, added)
        options = prompts_alone(family, call, runs, options)
        override = reading_override(options.get(OVERRIDE), reader)
        with named_calls(family, call, options) as named:
            return run({**named, OVERRIDE: override}, read=(KEY,))

    return forward


def span_reading(items: Sequence[PromptSpans]) -> TextReading:
    """Reads every instance's whole prompt, per item of the batch."""
    groups: list[tuple[tuple[int, ...], ...]] = []
    for spans in items:
        layout = TokenLayout(spans.lengths, (1, 1))
        places = [layout.text_span(n + 1) for n in range(layout.instances)]
        groups.append(tuple(tuple(range(place.start, place.stop)) for place in places))
    return TextReading(items[0].total + items[0].appended, tuple(groups))


def step_number(call: ModelCall) -> int:
    """0-based number of the step that this call belongs to."""
    schedule = call.options.get("sample_sigmas")
    if schedule is None or len(schedule) < 2:
        return 0
    return int(sampling_progress(call.level, schedule) * (len(schedule) - 1) + 1e-6)


def reading_weights(reading: TextReading, text: int, front: int = 0) -> Tensor:
    """(items, groups, text) weights over the text keys.

    Args:
        text: number of text keys.
        front: how many of them the host and other patches put before the words.
    """
    items = [
        token_weights([[token + front for token in group] for group in item], text)
        for item in reading.groups
    ]
    return torch.stack(items)


@dataclass(frozen=True)
class TextReader:
    """Puts the maps of one forward's blocks into a capture.

    Attributes:
        added: says what other patches added to the text.
    """

    capture: Capture
    family: Family
    call: ModelCall
    reading: TextReading
    step: int
    added: Callable[[], Added]

    def read(self, block: int, q: Tensor, k: Tensor, mask: Tensor | None) -> None:
        """Read one block; q and k are (B, H, L, D) with as many heads each."""
        added, capture = self.added(), self.capture
        spans = whole_text(self.call)
        sequence = token_sequence(self.family, self.call, spans, added)
        layout, where = sequence.layout, capture.reference
        order = sequence.orders[block]
        places = canonical_places(order)
        if places is not None:
            q, k = q[:, :, places], k[:, :, places]
            mask = None if mask is None else mask[..., places]  # of the keys
        rows = layout.latent_span if where is None else layout.reference_span(where)
        h, w = layout.latent_grid if where is None else layout.reference_grids[where]
        front = added.front + max(0, self.family.padded_to(self.call.model) - self.reading.length)
        weights = reading_weights(self.reading, layout.text_total, front).to(q.device)
        every = weights.repeat(q.shape[0] // len(weights), 1, 1)
        found = text_attention(q, k, rows, every, renormalise=capture.renormalise, mask=mask)
        maps = found.view(-1, len(weights), *found.shape[1:3], h, w).mean(0)
        if capture.latest:
            for older in [place for place in capture.maps if place[0] < self.step]:
                del capture.maps[older]
        capture.maps.setdefault((self.step, block), []).append(maps.cpu())


def canonical_places(order: Sequence[int]) -> list[int] | None:
    """Where each token of the layout stands, the first time if twice; None if all are in order."""
    if tuple(order) == tuple(range(len(order))):
        return None
    places = {token: place for place, token in reversed(list(enumerate(order)))}
    return [places[token] for token in sorted(places)]


def reading_override(previous: Override | None, reader: TextReader) -> Override:
    """An attention override that reads q and k and leaves the attention to whoever was there."""

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
        where: Options = rest.get("transformer_options") or {}
        block = reader.family.where(reader.call.model, where)
        if block is not None and block in reader.capture.blocks:
            split = split_heads(q, k, v, heads, rest)
            reader.read(block, split.q, split.every_k(), mask)
        return open_call(previous, func)(q, k, v, heads, mask=mask, **rest)

    return override
