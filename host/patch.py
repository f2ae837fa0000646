"""The one seam to ComfyUI's internals: conditioning, model patching, the attention override."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import comfy.conds
import comfy.ldm.flux.model
import comfy.patcher_extension
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..attention.execute.attend import attend
from ..attention.execute.plan import BiasPlan
from ..attention.recipe import BiasRecipe, Extent
from ..attention.schedule import OFF, in_window, sampling_progress
from ..attention.tokens import TokenLayout
from ..prompts.spans import PromptSpans, repeat_text
from .kernels import attention_call, open_call, wants_whole_sequence, whole_sequence
from .run import prepared_sampling, report_run

log = logging.getLogger("instance_edit")

KEY = "instance_edit"
FLUX2_TEXT_TOKENS = 512
BlockId = tuple[str, int]
Options = Mapping[str, Any]


class SpansCond(comfy.conds.CONDConstant):
    """PromptSpans on their way to the model as a keyword argument; notes a cropped latent."""

    def process_cond(self, batch_size: int, area: object = None, **kwargs: object) -> "SpansCond":
        return SpansCond(replace(self.cond, cropped=area is not None))


def attach_spans(conditioning: list[list[Any]], spans: PromptSpans) -> list[list[Any]]:
    """The conditioning with the prompt spans in it; they survive Combine, ReferenceLatent etc."""
    return [
        [text, {**extras, "model_conds": {**extras.get("model_conds", {}), KEY: SpansCond(spans)}}]
        for text, extras in conditioning
    ]


def apply_instance_attention(
    model: ModelPatcher, recipe: BiasRecipe, *, dense: bool = False
) -> ModelPatcher:
    """A clone of the model whose joint attention gets the recipe's bias.

    Args:
        dense: give every biased block the whole (Z, Z) matrix at once.

    Raises:
        ValueError: not a FLUX model, already patched, or a schedule that reaches no block.
    """
    flux = model.get_model_object("diffusion_model")
    if not isinstance(flux, comfy.ldm.flux.model.Flux):
        raise ValueError(
            "Apply Instance Attention needs a FLUX model (FLUX.1 or FLUX.2), got "
            f"{type(model.model).__name__}. Load a FLUX checkpoint with Load Diffusion Model."
        )
    wrapper = comfy.patcher_extension.WrappersMP.DIFFUSION_MODEL
    if model.get_wrappers(wrapper, KEY):
        raise ValueError(
            "this model already has instance attention. Connect the model from before the first "
            "Apply Instance Attention, or remove one of the two."
        )
    recipe.kinds(len(flux.double_blocks) + len(flux.single_blocks))
    patched = model.clone()
    patched.add_wrapper_with_key(wrapper, KEY, biased_forward(recipe, dense))
    prepare = comfy.patcher_extension.WrappersMP.PREPARE_SAMPLING
    patched.add_wrapper_with_key(prepare, KEY, prepared_sampling(dense))
    return patched


def biased_forward(recipe: BiasRecipe, dense: bool = False) -> Callable[..., Tensor]:
    """The wrapper around FLUX's forward: plans the biases, sets the override, checks the result."""
    bias_for = cached_bias(recipe)

    @torch.compiler.disable(recursive=False)
    def forward(
        executor: Any,
        x: Tensor,
        timestep: Tensor,
        context: Tensor,
        y: Tensor | None,
        guidance: Tensor | None,
        ref_latents: Sequence[Tensor] | None,
        control: object,
        transformer_options: Options,
        **kwargs: Any,
    ) -> Tensor:
        inputs = (x, timestep, context, y, guidance, ref_latents, control)
        spans: PromptSpans | None = kwargs.pop(KEY, None)
        if spans is None:
            log_once("a prompt without instances runs without instance attention.")
            return executor(*inputs, transformer_options, **kwargs)
        check_spans(spans, recipe, transformer_options)
        active = active_instances(recipe, timestep, transformer_options)
        if active is None:
            return executor(*inputs, transformer_options, **kwargs)
        layout, repeats, extents = find_layout(executor.class_obj, spans, x, context, ref_latents)
        biases = {
            block: bias_for(kind, layout, active, extents, repeats, x.device, x.dtype)
            for block, kind in block_plan(executor.class_obj, recipe).items()
        }
        used: set[BlockId] = set()
        ran: set[BlockId] = set()
        options = with_override(transformer_options, biases, used, ran, dense)
        out = executor(*inputs, options, **kwargs)
        check_reached({block for block, bias in biases.items() if bias is not None}, ran, used)
        return out

    return forward


def cached_bias(recipe: BiasRecipe) -> Callable[..., BiasPlan | None]:
    """Builds each bias and its plan once per layout; None where it would change nothing."""

    @lru_cache(maxsize=32)
    def build(
        kind: str,
        layout: TokenLayout,
        active: tuple[bool, ...],
        extents: tuple[Extent, ...],
        repeats: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> BiasPlan | None:
        bias = recipe.build(kind, layout, active, extents)
        if bias.is_zero:
            return None
        return BiasPlan(repeat_text(bias, layout, repeats).to(device, dtype))

    return build


def check_spans(spans: PromptSpans, recipe: BiasRecipe, options: Options) -> None:
    """Refuse conditioning that does not belong to the bias, or that the bias cannot follow."""
    wanted = tuple(region.instruction for region in recipe.regions)
    if spans.instructions != wanted:
        raise ValueError(
            f"the conditioning was encoded for {len(spans.instructions)} instance(s) "
            f"{list(spans.instructions)}, the bias was built for {len(wanted)} {list(wanted)}. "
            "Connect the same regions to Multi-Prompt Encode and Build Disentangled Bias."
        )
    if spans.cropped or "context_window" in options:
        raise ValueError(
            "instance attention needs the whole picture in one model call, but this call sees a "
            "part of it (Conditioning Set Area or context windows). Remove that node: the regions "
            "already say where each prompt acts."
        )


def active_instances(
    recipe: BiasRecipe, timestep: Tensor, options: Options
) -> tuple[bool, ...] | None:
    """Per instance whether it takes part in this call; None if the call is not biased at all."""
    if not recipe.regions:
        return None
    if not recipe.timed:
        return (True,) * len(recipe.regions)
    sigma = float(options["sigmas"][0] if "sigmas" in options else timestep[0])
    schedule = options.get("sample_sigmas")
    progress = 1 - sigma if schedule is None else sampling_progress(sigma, schedule)
    if not in_window(progress, recipe.start, recipe.end):
        return None
    return recipe.active(progress)


def find_layout(
    flux: Any,
    spans: PromptSpans,
    x: Tensor,
    context: Tensor,
    ref_latents: Sequence[Tensor] | None,
) -> tuple[TokenLayout, int, tuple[Extent, ...]]:
    """The real token layout of a call, the repeats of its text, and the extents of its pictures."""
    patch = flux.patch_size
    pictures = [x, *(ref_latents or ())]
    extents = tuple((image.shape[-2] / patch, image.shape[-1] / patch) for image in pictures)
    grids = [(-(-image.shape[-2] // patch), -(-image.shape[-1] // patch)) for image in pictures]
    padded_to = FLUX2_TEXT_TOKENS if flux.params.global_modulation else 0
    layout, repeats = spans.layout(context.shape[1], grids[0], grids[1:], padded_to)
    return layout, repeats, extents


def block_plan(flux: Any, recipe: BiasRecipe) -> dict[BlockId, str]:
    """Kind of bias of every block that gets one; doubles first, then singles."""
    doubles, singles = len(flux.double_blocks), len(flux.single_blocks)
    blocks = [("double", i) for i in range(doubles)] + [("single", i) for i in range(singles)]
    kinds = recipe.kinds(len(blocks))
    return {block: kind for block, kind in zip(blocks, kinds, strict=True) if kind != OFF}


def with_override(
    options: Options,
    biases: Mapping[BlockId, BiasPlan | None],
    used: set[BlockId],
    ran: set[BlockId],
    dense: bool = False,
) -> dict[str, Any]:
    """transformer_options for one forward, with our override chained before any other.

    Args:
        used: filled with the blocks whose attention got its bias.
        ran: filled with the blocks that came to their attention at all.
        dense: use the whole matrix; also where another override must see the whole sequence.
    """
    previous = options.get("optimized_attention_override")
    whole = dense or wants_whole_sequence(previous)

    @whole_sequence
    @torch.compiler.disable
    def override(func: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        where = kwargs["transformer_options"]
        block = (where["block_type"], where["block_index"])
        bias = biases.get(block)
        if bias is None:
            return func(*args, **kwargs) if previous is None else previous(func, *args, **kwargs)
        used.add(block)
        masked, plain = attention_call(previous, args[0]), open_call(previous, func)
        report_run(where, biases, block, masked, plain, whole)
        return biased_attention(masked, bias, *args, plain=plain, dense=whole, **kwargs)

    @torch.compiler.disable
    def record(q: Tensor, k: Tensor, v: Tensor, extra_options: Options, **_: object) -> Options:
        ran.add((extra_options["block_type"], extra_options["block_index"]))
        return {}

    patches = dict(options.get("patches", {}))
    patches["attn1_patch"] = [*patches.get("attn1_patch", ()), record]
    return {**options, "optimized_attention_override": override, "patches": patches}


def biased_attention(
    attention: Callable[..., Tensor],
    plan: BiasPlan,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    heads: int,
    mask: Tensor | None = None,
    plain: Callable[..., Tensor] | None = None,
    dense: bool = False,
    **kwargs: Any,
) -> Tensor:
    """One attention call of a block with its bias; q, k, v are (B, H, L, D).

    Args:
        attention: honours a mask. ``plain`` gets the parts that need none; default the same.
        dense: use the whole matrix at once.
    """
    if k.shape[2] != plan.bias.keys or q.shape[2] > plan.bias.queries:
        raise ValueError(
            f"a block attends {q.shape[2]} to {k.shape[2]} tokens, but text, latent and references "
            f"account for {plan.bias.keys}: another patch adds or drops tokens. Remove it from "
            "models with instance attention."
        )

    def kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        return attention(q, k, v, q.shape[1], mask=mask, **kwargs)

    def open_kernel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return (plain or attention)(q, k, v, q.shape[1], mask=None, **kwargs)

    return attend(q, k, v, plan, kernel, mask, open_kernel=open_kernel, dense=dense)


def check_reached(planned: set[BlockId], ran: set[BlockId], used: set[BlockId]) -> None:
    """Refuse a forward in which a block ran without the bias it should have had."""
    missed = sorted((planned & ran) - used)
    if missed:
        raise ValueError(
            f"{len(missed)} block(s), first {missed[0][0]} block {missed[0][1]}, ran without their "
            "bias: another patch replaced the attention override. Apply Instance Attention works "
            "with overrides that chain; remove the other patch or put it before this node."
        )


@lru_cache(maxsize=64)
def log_once(message: str) -> None:
    """Log a message the first time it comes up."""
    log.info(message)
