"""The capture side of the seam: what image tokens read of the text while a model is sampled."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import comfy.conds
import comfy.ldm.flux.model
import comfy.patcher_extension
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..attention.capture import text_attention, token_weights
from ..attention.schedule import Stage, block_kinds, parse_stages, sampling_progress
from ..attention.tokens import TokenLayout
from ..prompts.spans import PromptSpans
from .kernels import whole_sequence
from .patch import KEY, find_layout

CAPTURE = f"{KEY}_capture"
READING = f"{KEY}_reading"
WRAPPER = comfy.patcher_extension.WrappersMP.DIFFUSION_MODEL
Options = Mapping[str, Any]


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
        maps: per (step, block) the maps of each model call, (items, H, groups, h, w) on the CPU.
    """

    blocks: Collection[int]
    steps: Collection[int]
    renormalise: bool = False
    reference: int | None = None
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


def attach_reading(conditioning: list[list[Any]], reading: TextReading) -> list[list[Any]]:
    """The conditioning with what shall be read of it."""
    marked = comfy.conds.CONDConstant(reading)
    return [
        [text, {**extras, "model_conds": {**extras.get("model_conds", {}), READING: marked}}]
        for text, extras in conditioning
    ]


def check_flux(model: ModelPatcher, node: str) -> Any:
    """The FLUX model inside, or an error that names the node."""
    flux = model.get_model_object("diffusion_model")
    if not isinstance(flux, comfy.ldm.flux.model.Flux):
        raise ValueError(
            f"{node} needs a FLUX model (FLUX.1 or FLUX.2), got {type(model.model).__name__}. "
            "Load a FLUX checkpoint with Load Diffusion Model."
        )
    return flux


def chosen_blocks(flux: Any, text: str, default: Stage | int) -> tuple[int, ...]:
    """Numbers of the blocks that a node's text names: ``40, 50-55`` or ``25%-75%``.

    Args:
        text: empty means the default.
        default: a stage, or a block number that may count from the end.

    Raises:
        ValueError: another form, or no block of this model.
    """
    total = len(flux.double_blocks) + len(flux.single_blocks)
    if not text.strip() and isinstance(default, int):
        return (default % total,)
    runs = [part.strip() for part in text.split(",") if part.strip()]
    named = [f"read {run if '-' in run else f'{run}-{run}'}" for run in runs]
    stages = parse_stages(", ".join(named), ["read"]) if named else (default,)
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
    """The wrapper around FLUX's forward that reads the attention of one capture."""

    def forward(executor: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        timestep, context, _, _, ref_latents, _, options = args
        spans: PromptSpans | None = kwargs.get(KEY)
        reading: TextReading | None = kwargs.get(READING) or (spans and span_reading(spans))
        step = step_number(timestep, options)
        if reading is None or step not in capture.steps:
            return executor(x, *args, **kwargs)
        whole = PromptSpans((context.shape[1],), ())
        layout, _, _ = find_layout(executor.class_obj, whole, x, context, ref_latents)
        weights = reading_weights(reading, context.shape[1]).to(x.device)
        read = attention_reader(capture, layout, weights, step)
        override = reading_override(
            options.get("optimized_attention_override"),
            len(executor.class_obj.double_blocks),
            read,
        )
        changed = {**options, "optimized_attention_override": override}
        return executor(x, *args[:-1], changed, **kwargs)

    return forward


def span_reading(spans: PromptSpans) -> TextReading:
    """Reads every instance's whole prompt."""
    layout = TokenLayout(spans.lengths, (1, 1))
    places = [layout.text_span(n + 1) for n in range(layout.instances)]
    groups = tuple(tuple(range(place.start, place.stop)) for place in places)
    return TextReading(layout.text_total, (groups,))


def step_number(timestep: Tensor, options: Options) -> int:
    """0-based number of the step that this call belongs to."""
    schedule = options.get("sample_sigmas")
    if schedule is None or len(schedule) < 2:
        return 0
    sigma = float(options["sigmas"][0] if "sigmas" in options else timestep[0])
    return int(sampling_progress(sigma, schedule) * (len(schedule) - 1) + 1e-6)


def reading_weights(reading: TextReading, text: int) -> Tensor:
    """(items, groups, text) weights; what the host padded stands before the text."""
    padding = text - reading.length
    items = [
        token_weights([[token + padding for token in group] for group in item], text)
        for item in reading.groups
    ]
    return torch.stack(items)


def attention_reader(
    capture: Capture, layout: TokenLayout, weights: Tensor, step: int
) -> Callable[[int, Tensor, Tensor, Tensor | None], None]:
    """A function that puts one block's maps into the capture."""
    where = capture.reference
    rows = layout.latent_span if where is None else layout.reference_span(where)
    h, w = layout.latent_grid if where is None else layout.reference_grids[where]

    def read(block: int, q: Tensor, k: Tensor, mask: Tensor | None) -> None:
        if block not in capture.blocks:
            return
        every = weights.repeat(q.shape[0] // len(weights), 1, 1)
        found = text_attention(q, k, rows, every, renormalise=capture.renormalise, mask=mask)
        maps = found.view(-1, len(weights), *found.shape[1:3], h, w).mean(0)
        capture.maps.setdefault((step, block), []).append(maps.cpu())

    return read


def reading_override(
    previous: Callable[..., Tensor] | None,
    doubles: int,
    read: Callable[[int, Tensor, Tensor, Tensor | None], None],
) -> Callable[..., Tensor]:
    """An attention override that reads q and k and leaves the attention to whoever was there."""

    @whole_sequence
    def override(func: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        where: Options = kwargs.get("transformer_options") or {}
        if "block_index" in where:
            single = where["block_type"] == "single"
            read(where["block_index"] + single * doubles, args[0], args[1], kwargs.get("mask"))
        return func(*args, **kwargs) if previous is None else previous(func, *args, **kwargs)

    return override
