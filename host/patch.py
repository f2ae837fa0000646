"""Apply Instance Attention: a model whose joint attention gets the bias of a recipe."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, lru_cache, partial
from typing import Any

import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..attention.execute.plan import BiasPlan
from ..attention.recipe import BiasRecipe
from ..attention.schedule import OFF
from .adapter_text import adapted_text
from .call import KEY, WRAPPER, Forward, ModelCall, around_model
from .carrier import call_spans
from .core_training import refuse_no_schedule
from .families import Family
from .instance_lora import Acting, find_gates, gated
from .known import known_model, require_family
from .moment import call_inside
from .override import BlockDecide, BlockPlan, biased_override
from .proofs import proven_forward
from .reached import Tally, check_reached, named_calls, watching_blocks
from .regions import recipe_for, said_of_shapes
from .run import (
    has_mixed_regions,
    is_first_call,
    say_once,
    say_part_once,
    without_run,
)
from .sequence import Added, Runs, TokenSequence, prompts_alone, token_sequence, watch_text
from .skip_background import cut_call, find_background, kept_options
from .whole import is_part, refuse_parts, watch_runs

NODE, BUILD = "Apply Instance Attention", "Build Disentangled Bias"
NEGATIVE = 1
"""Core's number of the negative conditioning in ``cond_or_uncond``."""
PlanFor = Callable[..., BiasPlan | None]
KeysQueries = tuple[tuple[int, ...], tuple[int, ...] | None]
"""The canonical token of each key, and of each query where those are others."""


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
    watch_runs(patched, KEY, dense, recipe.regions or ())
    return patched


def biased_forward(recipe: BiasRecipe, dense: bool = False) -> Callable[..., Tensor]:
    """The wrapper around the model: plans the biases, sets the override, checks the result."""
    plan_for, regions_for = cached_plans(), lru_cache(maxsize=32)(partial(recipe_for, recipe))

    @around_model
    def forward(call: ModelCall, run: Forward) -> Tensor:
        runs, part = call_spans(call), is_part(call)
        if runs:
            refuse_parts(call, [spans for spans, _ in runs], part)
        background = find_background(call, regions_for)
        if not runs:
            say_once(call.options, said_of_plain(call))
            out = run(without_run(call.options))
            return out if background is None else background.over(out)
        recipes = [(regions_for(spans), spans, items) for spans, items in runs]
        refuse_mixed_training(call, runs)
        refuse_parted_guidance(call)
        family = require_family(call.model, NODE)
        options, added = watch_text(call.options)
        acting = [(*one, active_instances(one[0], call)) for one in recipes]
        separate = any(active is not None for *_, active in acting)
        cut = cut_call(call, family, background, recipes) if background and separate else None
        kept = None if cut is None else cut.flags

        @cache
        def planned() -> dict[int, BlockPlan]:
            return block_plans(family, call, acting, added(), plan_for, kept)

        gates = find_gates(family, call, acting, added, kept)
        if options is call.options:  # nothing will be added to the text: refuse before computing
            planned()
        text = adapted_text(call, runs) if runs[0][0].adapters else None
        placed = prompts_alone(family, call, runs, options)
        if cut is not None:
            placed = kept_options(call, placed, cut)

        def attempt(decide: BlockDecide) -> tuple[Tensor, Tally]:
            tally = Tally()
            with named_calls(family, call, placed) as named, watching_blocks(family, call, tally):
                biased = biased_override(named, family, call, planned, tally, dense, decide)
                with gated(call.model, gates):
                    eager = gates is not None
                    out = run(biased, without=(KEY,), cut=cut, eager=eager, text=text)
            check_reached(tally, planned(), call.model, is_first_call(call.options))
            return out, tally

        out = proven_forward(family, call, attempt)
        return out if background is None or cut is not None else background.over(out)

    return forward


def block_plans(
    family: Family,
    call: ModelCall,
    acting: Sequence[Acting],
    added: Added,
    plan_for: PlanFor,
    kept: Tensor | None = None,
) -> dict[int, BlockPlan]:
    """The bias of every attention call that gets one, for each run of the batch's items.

    Args:
        kept: see ``token_sequence``.
    """
    calls = len(family.blocks(call.model))
    found: list[tuple[list[BiasPlan | None], slice]] = []
    for recipe, spans, items, active in acting:
        if active is None:
            found.append(([None] * calls, items))
            continue
        sequence = token_sequence(family, call, spans, added, kept)
        if (said := said_of_shapes(recipe.instances, sequence.extents[0])) is not None:
            say_once(call.options, said)
        where = (active, call.x.device, call.context.dtype)
        kinds = recipe.kinds(sum(family.counts(call.model)))
        tokens = zip(sequence.blocks, sequence.orders, sequence.queries, strict=True)
        plans = [
            None
            if kinds[block] == OFF
            else plan_for(recipe, kinds[block], sequence, (keys, queries), *where)
            for block, keys, queries in tokens
        ]
        found.append(([*plans, *[None] * (calls - len(plans))], items))
    joined = {
        number: tuple((plans[number], items) for plans, items in found) for number in range(calls)
    }
    return {
        number: plans
        for number, plans in joined.items()
        if any(plan is not None for plan, _ in plans)
    }


def cached_plans() -> PlanFor:
    """Builds each bias and its plan once per layout and order; None where it changes nothing."""

    @lru_cache(maxsize=32)
    def build(
        recipe: BiasRecipe,
        kind: str,
        sequence: TokenSequence,
        tokens: KeysQueries,
        active: tuple[bool, ...],
        device: torch.device,
        dtype: torch.dtype,
    ) -> BiasPlan | None:
        layout = sequence.layout
        bias = recipe.build(kind, layout, active, sequence.extents, sequence.padding)
        if bias.is_zero:
            return None
        keys, queries = tokens
        if queries is not None:
            bias = bias.rectangle(torch.tensor(queries), torch.tensor(keys))
        elif keys != tuple(range(layout.total)):
            bias = bias.take(torch.tensor(keys))
        return BiasPlan(bias.to(device, dtype))

    def plan_for(
        recipe: BiasRecipe, kind: str, sequence: TokenSequence, tokens: KeysQueries, *rest: Any
    ) -> BiasPlan | None:
        alone = replace(sequence, orders=(), queries=(), blocks=())
        return build(recipe, kind, alone, tokens, *rest)

    return plan_for


def refuse_mixed_training(call: ModelCall, runs: Runs) -> None:
    """Refuse a training batch of pictures with regions of their own.

    Core's Train LoRA gives every picture of a batch the conditionings of all of them.
    """
    chunks = len(call.options.get("cond_or_uncond") or (0,))
    if torch.is_grad_enabled() and len(call.x) > chunks and has_mixed_regions(call.options):
        raise ValueError(
            f"training with a batch of {len(call.x) // chunks} pictures whose regions differ, or "
            "whose texts or references, mixes them up: ComfyUI gives each of them all "
            "conditionings. Set batch_size to 1."
        )


def active_instances(recipe: BiasRecipe, call: ModelCall) -> tuple[bool, ...] | None:
    """Per instance whether it takes part in this call; None if the call is not biased at all."""
    if not recipe.instances:
        return None
    if not recipe.timed:
        return (True,) * len(recipe.instances)
    if recipe.window_by == "steps":
        schedule = call.options.get("sample_sigmas")
        refuse_no_schedule(schedule)
        say_part_once(call.options, schedule, call.sampling, "a steps window", BUILD)
    inside = call_inside(call, recipe.window_by)
    return recipe.active(inside) if inside(recipe.start, recipe.end) else None


def refuse_parted_guidance(call: ModelCall) -> None:
    """Refuse NAGuidance where positive and negative prompt come in calls of their own.

    It compares the two inside one call, and does nothing where it sees one of them.
    """
    patches = call.options.get("patches", {}).get("attn1_output_patch", ())
    nag = any(getattr(one, "__qualname__", "").startswith("NAGuidance.") for one in patches)
    if nag and len(set(call.options.get("cond_or_uncond") or ())) == 1:
        raise ValueError(
            "NAGuidance needs the positive and the negative prompt in one model call, but they "
            "come in two and it would do nothing. Connect Multi-Prompt Encode's 'negative' (or "
            "Conditioning Zero Out of its conditioning). If you did, shorten the negative text, "
            "set text_length to 'as core', or free memory for a batch of two."
        )


def said_of_plain(call: ModelCall) -> str:
    """What the log says of a call without instances."""
    if NEGATIVE in (call.options.get("cond_or_uncond") or ()):
        return (
            "the negative prompt has no instances: through it, with CFG, each instance shows in "
            "the others. Connect Multi-Prompt Encode's 'negative' to keep them apart."
        )
    return "a prompt without instances runs without instance attention."
