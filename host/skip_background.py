"""Skip Background: model calls on the tokens that an edit touches; the rest goes to the source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ..attention.recipe import BiasRecipe
from ..attention.skip_background import Skipping, kept_references, work_share
from ..attention.window import sampling_progress
from ..prompts.spans import PromptSpans
from .background import NODE, Background, make_background
from .call import KEY, WRAPPER, ModelCall, Options
from .cut import Cut
from .families import Family
from .known import known_model
from .places import Places, at_their_places, true_places
from .run import RUN, RunNote, say_once
from .sequence import TokenSequence, token_sequence

SKIP, SKIP_RUN = f"{KEY}_skip", f"{KEY}_skip_run"
RegionsFor = Callable[[PromptSpans], BiasRecipe]
RunRecipes = Sequence[tuple[BiasRecipe, PromptSpans, slice]]


@dataclass(frozen=True, eq=False)
class Skip:
    """What a model that skips the background is told.

    Attributes:
        latent: (B, C, H, W) the source as a LATENT holds it; None: the reference that is edited.
        say: shows a text at the node.
    """

    how: Skipping
    latent: Tensor | None
    say: Callable[[str], None]


@dataclass(eq=False)
class SkipRun:
    """One sampling run.

    Attributes:
        mask: the run's noise mask, or None.
        off: it reads the whole picture.
        found: its background, in a tuple once it is known.
        places: true positions of tokens, by what they depend on.
        cuts: how calls are cut, by whose they are and the sizes of their references.
    """

    mask: Tensor | None
    off: bool = False
    found: tuple[Background | None] | None = None
    places: dict[Any, Places] = field(default_factory=dict[Any, Places])
    cuts: dict[Any, Cut] = field(default_factory=dict[Any, Cut])


def skip_background(
    model: ModelPatcher,
    how: Skipping,
    latent: Tensor | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> ModelPatcher:
    """A clone of a model with instance attention that computes what the edit touches alone.

    Args:
        latent: see ``Skip``.
        say: see ``Skip``.

    Raises:
        ValueError: no instance attention, a second time, or a family that cannot.
    """
    known = known_model(model, NODE)
    if not model.get_wrappers(WRAPPER, KEY):
        raise ValueError(
            "this model has no instance attention, so nothing says what an edit touches. Connect "
            "the model from Apply Instance Attention."
        )
    if SKIP in model.model_options["transformer_options"]:
        raise ValueError("this model skips the background already: remove one of the two nodes.")
    if not known.family.picture_positions(known.diffusion):
        raise ValueError(
            f"{known.family.name} offers no place where the positions of tokens can be set for any "
            "size of the latent (ComfyUI's post_input patches), so no part of the picture can be "
            "left out. Remove Skip Background."
        )
    patched = model.clone()
    patched.model_options["transformer_options"][SKIP] = Skip(how, latent, say)
    patched.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, SKIP, skipping_run)
    return patched


def skipping_run(
    executor: Any,
    noise: Tensor,
    latent_image: Tensor,
    sampler: Any,
    sigmas: Tensor,
    denoise_mask: Tensor | None = None,
    *args: Any,
    **kwargs: Any,
) -> Tensor:
    """The wrapper around a run: its noise mask is noted, and its result is the source itself.

    A sampler's arithmetic brings the background to the source up to rounding only.
    """
    run = SkipRun(denoise_mask, off=getattr(sampler, "inverts", False))
    executor.class_obj.model_options.setdefault("transformer_options", {})[SKIP_RUN] = run
    out = executor(noise, latent_image, sampler, sigmas, denoise_mask, *args, **kwargs)
    background = run.found[0] if run.found else None
    if background is None or float(sigmas.min()) > 0:
        return out
    return background.over_latent(out)


def find_background(call: ModelCall, regions_for: RegionsFor) -> Background | None:
    """What this run does not compute; None if that is nothing, or if the model does not skip.

    Args:
        regions_for: the recipe with the regions of a conditioning.

    Raises:
        ValueError: no source, or a run that ComfyUI did not prepare.
    """
    skip: Skip | None = call.options.get(SKIP)
    if skip is None:
        return None
    note: RunNote | None = call.options.get(RUN)
    run: SkipRun | None = call.options.get(SKIP_RUN)
    if note is None or run is None:
        raise ValueError(
            f"{NODE} works in sampling runs that ComfyUI prepares, but the model was called "
            "outside of one. Remove it from this model."
        )
    if run.found is None:
        recipes = [regions_for(spans) for items, _ in note.edited for spans in items]
        background = None
        if not run.off and any(recipe.instances for recipe in recipes):
            background = make_background(
                call, note.edited, recipes, skip.how.margin, latent=skip.latent, mask=run.mask
            )
        run.found = (background,)
    return run.found[0]


def is_whole_step(call: ModelCall, full_steps: int) -> bool:
    """True in the first steps of a run, which are computed whole."""
    schedule = call.options.get("sample_sigmas")
    if full_steps == 0 or schedule is None:
        return False
    steps = len(schedule) - 1
    return sampling_progress(call.level, schedule) * steps < full_steps - 1e-6


def cut_call(
    call: ModelCall, family: Family, background: Background, runs: RunRecipes
) -> Cut | None:
    """The tokens of a call that stay; None in a step that is computed whole.

    Args:
        runs: the recipe of each run of the batch's items.
    """
    skip: Skip = call.options[SKIP]
    if is_whole_step(call, skip.how.full_steps):
        return None
    run: SkipRun = call.options[SKIP_RUN]
    how = how_references(call.options, skip.how)
    sizes = tuple(tuple(one.shape[-2:]) for one in family.references(call))
    key = (tuple(spans for _, spans, _ in runs), sizes, how)
    if key not in run.cuts:
        sequence = token_sequence(family, call, runs[0][1])
        references = touched_references(runs, sequence, how)
        kept = [one.flatten().nonzero()[:, 0] for one in (background.touched, *references)]
        layout, patch = sequence.layout, family.patch(call.model)
        tokens = (layout.latent_tokens, *layout.reference_tokens)
        run.cuts[key] = cut = Cut(tuple(kept), tokens, background.source, patch)
        say_cut(call, family, cut, layout.text_total)
    return run.cuts[key]


def touched_references(runs: RunRecipes, sequence: TokenSequence, how: Skipping) -> list[Tensor]:
    """Per reference of a call (h, w) bool: its tokens that stay for any item of the batch."""
    layout = sequence.layout
    found = [torch.zeros(grid, dtype=torch.bool) for grid in layout.reference_grids]
    for recipe, _, _ in runs:
        active = (True,) * len(recipe.instances)
        _, masks, owners = recipe.place(layout, active, sequence.extents)
        found = [a | b for a, b in zip(found, kept_references(masks, owners, how), strict=True)]
    return found


def kept_options(call: ModelCall, options: Options, cut: Cut) -> Options:
    """The options under which the tokens that stay have their positions in the whole picture."""
    run: SkipRun = call.options[SKIP_RUN]
    places = true_places(call, options, run.places)
    return at_their_places(options, places._replace(picture=places.picture[:, cut.places]))


def say_cut(call: ModelCall, family: Family, cut: Cut, text: int) -> None:
    """Say once in a run how much is left out, in the log and at the node.

    Args:
        text: tokens of the text.
    """
    heads, width = family.heads(call.model)
    kept, total = text + len(cut.places), text + sum(cut.tokens)
    less = 1 / work_share(kept, total, heads * width)
    said = f"{kept:,} of {total:,} tokens, about {less:.1f} times less work"
    if say_once(call.options, f"{NODE}: {said}."):
        call.options[SKIP].say(said)


def how_references(options: Options, how: Skipping) -> Skipping:
    """How much of the references stays: all where core's Flux KV Cache holds their keys, which it
    takes from the run's first call."""
    patches = options.get("patches", {}).get("attn1_patch", ())
    cached = any(type(one).__name__ == "KV_Attn_Input" for one in patches)
    return replace(how, context="whole") if cached else how
