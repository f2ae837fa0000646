"""Apply Instance Attention: a model whose joint attention gets the bias of a recipe."""

import logging
from collections.abc import Callable
from functools import cache, lru_cache

import comfy.patcher_extension
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..attention.bias import AttentionBias
from ..attention.recipe import BiasRecipe, Extent
from ..attention.schedule import OFF, in_window, sampling_progress
from ..attention.tokens import TokenLayout
from ..prompts.spans import PromptSpans
from .call import KEY, WRAPPER, Forward, ModelCall, around_model
from .carrier import call_spans
from .families import Family
from .known import known_model, require_family
from .override import BlockBias, Tally, biased_override, check_reached
from .run import is_first_call, prepared_sampling
from .sequence import Added, token_sequence, watch_text

log = logging.getLogger("instance_edit")

NODE = "Apply Instance Attention"
BiasFor = Callable[..., AttentionBias | None]


def apply_instance_attention(
    model: ModelPatcher, recipe: BiasRecipe, *, dense: bool = False
) -> ModelPatcher:
    """A clone of the model whose joint attention gets the recipe's bias.

    Args:
        dense: give every biased block the whole (Z, Z) matrix at once.

    Raises:
        ValueError: a model of no known family, already patched, or a schedule that does not fit.
    """
    known = known_model(model, NODE)
    if model.get_wrappers(WRAPPER, KEY):
        raise ValueError(
            "this model already has instance attention. Connect the model from before the first "
            "Apply Instance Attention, or remove one of the two."
        )
    recipe.kinds(known.blocks)
    patched = model.clone()
    patched.add_wrapper_with_key(WRAPPER, KEY, biased_forward(recipe, dense))
    prepare = comfy.patcher_extension.WrappersMP.PREPARE_SAMPLING
    patched.add_wrapper_with_key(prepare, KEY, prepared_sampling(dense))
    return patched


def biased_forward(recipe: BiasRecipe, dense: bool = False) -> Callable[..., Tensor]:
    """The wrapper around the model: plans the biases, sets the override, checks the result."""
    bias_for = cached_bias(recipe)

    @around_model
    def forward(call: ModelCall, run: Forward) -> Tensor:
        runs = call_spans(call)
        if not runs:
            log_once("a prompt without instances runs without instance attention.")
            return run()
        for spans, _ in runs:
            check_spans(spans, recipe, call)
        family = require_family(call.model, NODE)
        options, added = watch_text(call.options)

        @cache
        def planned() -> dict[int, BlockBias]:
            return block_biases(family, call, recipe, runs, added(), bias_for)

        if options is call.options:  # nothing will be added to the text: refuse before computing
            planned()
        tally = Tally()
        out = run(biased_override(options, family, call, planned, tally, dense), without=(KEY,))
        check_reached(tally, planned, call.model, is_first_call(call.options))
        return out

    return forward


def block_biases(
    family: Family,
    call: ModelCall,
    recipe: BiasRecipe,
    runs: list[tuple[PromptSpans, slice]],
    added: Added,
    bias_for: BiasFor,
) -> dict[int, BlockBias]:
    """The bias of every block that gets one in this call, for each run of the batch's items."""
    active = active_instances(recipe, call)
    if active is None:
        return {}
    kinds = recipe.kinds(sum(family.counts(call.model)))
    sequences = [(token_sequence(family, call, spans, added), items) for spans, items in runs]
    found: dict[int, BlockBias] = {}
    for block, kind in enumerate(kinds):
        if kind == OFF:
            continue
        biases = tuple(
            (
                bias_for(
                    kind,
                    sequence.layout,
                    active,
                    sequence.extents,
                    sequence.orders[block],
                    call.x.device,
                    call.context.dtype,
                ),
                items,
            )
            for sequence, items in sequences
        )
        if any(bias is not None for bias, _ in biases):
            found[block] = biases
    return found


def cached_bias(recipe: BiasRecipe) -> BiasFor:
    """Builds each bias once per layout and order; None where it would change nothing."""

    @lru_cache(maxsize=32)
    def build(
        kind: str,
        layout: TokenLayout,
        active: tuple[bool, ...],
        extents: tuple[Extent, ...],
        order: tuple[int, ...],
        device: torch.device,
        dtype: torch.dtype,
    ) -> AttentionBias | None:
        bias = recipe.build(kind, layout, active, extents)
        if bias.is_zero:
            return None
        if order != tuple(range(layout.total)):
            bias = bias.take(torch.tensor(order))
        return bias.to(device, dtype)

    return build


def check_spans(spans: PromptSpans, recipe: BiasRecipe, call: ModelCall) -> None:
    """Refuse conditioning that does not belong to the bias, or that the bias cannot follow."""
    wanted = tuple(region.instruction for region in recipe.regions)
    if spans.instructions != wanted:
        raise ValueError(
            f"the conditioning was encoded for {len(spans.instructions)} instance(s) "
            f"{list(spans.instructions)}, the bias was built for {len(wanted)} {list(wanted)}. "
            "Connect the same regions to Multi-Prompt Encode and Build Disentangled Bias."
        )
    if spans.cropped or "context_window" in call.options:
        raise ValueError(
            "instance attention needs the whole picture in one model call, but this call sees a "
            "part of it (Conditioning Set Area or context windows). Remove that node: the regions "
            "already say where each prompt acts."
        )


def active_instances(recipe: BiasRecipe, call: ModelCall) -> tuple[bool, ...] | None:
    """Per instance whether it takes part in this call; None if the call is not biased at all."""
    if not recipe.regions:
        return None
    if not recipe.timed:
        return (True,) * len(recipe.regions)
    schedule = call.options.get("sample_sigmas")
    level = call.level
    progress = 1 - level if schedule is None else sampling_progress(level, schedule)
    if not in_window(progress, recipe.start, recipe.end):
        return None
    return recipe.active(progress)


@lru_cache(maxsize=64)
def log_once(message: str) -> None:
    """Log a message the first time it comes up."""
    log.info(message)
