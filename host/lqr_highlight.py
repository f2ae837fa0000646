"""The seam for adaptive attention: maps and highlights of one sampling run, step after step."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import comfy.ldm.flux.model
import comfy.patcher_extension
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..attention.capture import mask_rows, text_attention
from ..attention.lqr_highlight import Highlight, highlight_region, highlighted_attention
from ..prompts.spans import PromptSpans
from .kernels import whole_sequence
from .patch import KEY, find_layout

Options = Mapping[str, Any]
Words = Callable[[PromptSpans], Sequence[Sequence[int]]]
POSITIVE = 0
WRAPPER = comfy.patcher_extension.WrappersMP.DIFFUSION_MODEL


def highlight_edits(
    model_options: dict[str, Any], highlight: Highlight | None, words: Words | None = None
) -> tuple[dict[str, Any], Callable[[int], None]]:
    """Model options for one sampling run with adaptive attention.

    What it learns lives in this run alone, per positive conditioning.

    Args:
        words: per instance the numbers of the tokens in its prompt that count as the edit's words;
            None: all of them.

    Returns:
        The options, and a function to be called with the number of each finished step.
    """
    if highlight is None:
        return model_options, lambda step: None
    maps: dict[object, dict[int, Tensor]] = {}
    regions: dict[object, Tensor] = {}
    watching = highlight.first_step == 2

    def forward(executor: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not watching:
            return executor(x, *args, **kwargs)
        _, context, _, _, references, _, options = args
        if not isinstance(executor.class_obj, comfy.ldm.flux.model.Flux):
            raise ValueError(
                "adaptive attention needs a FLUX model, got "
                f"{type(executor.class_obj).__name__}. Switch it off in Dual-LQR Sampler."
            )
        spans: PromptSpans | None = kwargs.get(KEY)
        keys, latents = edit_keys(executor.class_obj, spans, x, context, references, words)
        seen, factors = call_chunks(options, maps, regions, highlight)
        changed = {
            **options,
            "optimized_attention_override": highlight_override(
                options.get("optimized_attention_override"), keys, latents, seen, factors
            ),
        }
        return executor(x, *args[:-1], changed, **kwargs)

    def finish_step(step: int) -> None:
        nonlocal watching
        watching = step + 3 >= highlight.first_step
        regions.clear()
        for which, blocks in maps.items():
            stacked = torch.stack(list(blocks.values()))
            regions[which] = highlight_region(stacked, highlight.threshold)
        maps.clear()

    options = dict(model_options.get("transformer_options", {}))
    wrappers = dict(options.get("wrappers", {}))
    wrappers[WRAPPER] = {f"{KEY}_highlight": [forward], **wrappers.get(WRAPPER, {})}
    return {**model_options, "transformer_options": {**options, "wrappers": wrappers}}, finish_step


def edit_keys(
    flux: Any,
    spans: PromptSpans | None,
    x: Tensor,
    context: Tensor,
    references: Sequence[Tensor] | None,
    words: Words | None = None,
) -> tuple[Tensor, slice]:
    """Which keys are the edit's words, (Z,) bool, and where the latent tokens stand.

    The words of the instances when there are any, else the whole prompt.
    """
    whole = PromptSpans((context.shape[1],), ())
    layout, repeats, _ = find_layout(flux, spans or whole, x, context, references)
    edit = torch.zeros(layout.text_total, dtype=torch.bool, device=x.device)
    if spans is None or not spans.instructions:
        edit[:] = True
    elif words is None:
        edit[layout.text_span(0).stop :] = True
    else:
        for n, tokens in enumerate(words(spans)):
            edit[[layout.text_span(n + 1).start + token for token in tokens]] = True
    start = context.shape[1]
    keys = F.pad(edit.repeat(repeats), (0, layout.image_tokens))
    return keys, slice(start, start + layout.latent_tokens)


def call_chunks(
    options: Options,
    maps: dict[object, dict[int, Tensor]],
    regions: Mapping[object, Tensor],
    highlight: Highlight,
) -> tuple[list[dict[int, Tensor] | None], list[Tensor | None]]:
    """Per conditioning in this call's batch: where its maps go, and its factors (b, L).

    None for the negative prompt, and for factors where nothing is known yet.
    """
    seen: list[dict[int, Tensor] | None] = []
    factors: list[Tensor | None] = []
    for which, kind in zip(options["uuids"], options["cond_or_uncond"], strict=True):
        positive = kind == POSITIVE
        seen.append(maps.setdefault(which, {}) if positive else None)
        region = regions.get(which) if positive else None
        factors.append(
            None if region is None else torch.where(region, highlight.inside, highlight.outside)
        )
    return seen, factors


def highlight_override(
    previous: Callable[..., Tensor] | None,
    keys: Tensor,
    latents: slice,
    seen: Sequence[dict[int, Tensor] | None],
    factors: Sequence[Tensor | None],
) -> Callable[..., Tensor]:
    """An attention override that notes the double blocks' maps and applies the known factors."""

    @whole_sequence
    def override(
        func: Callable[..., Tensor],
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        mask: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        call = func if previous is None else partial(previous, func)
        out = call(q, k, v, heads, mask=mask, **kwargs)
        where: Options = kwargs.get("transformer_options") or {}
        if where.get("block_type") != "double" or not any(maps is not None for maps in seen):
            return out
        words = keys[: latents.start].float().expand(q.shape[0], 1, -1)
        share = text_attention(q, k, latents, words, mask=mask)[:, :, 0]
        for maps, part in zip(seen, share.mean(1).chunk(len(seen)), strict=True):
            if maps is not None:
                maps[where["block_index"]] = part
        if all(factor is None for factor in factors):
            return out
        neutral = torch.ones_like(share[:, 0]).chunk(len(seen))
        known = zip(factors, neutral, strict=True)
        factor = torch.cat([one if factor is None else factor for factor, one in known])
        rows = None if mask is None else mask_rows(mask, latents, q.dtype)

        def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            flat = call(q, k, v, heads, mask=rows, **kwargs)
            return rearrange(flat, "b l (h d) -> b h l d", h=heads)

        plain = rearrange(out[:, latents], "b l (h d) -> b h l d", h=heads)
        changed = highlighted_attention(
            q[:, :, latents], k, v, keys, factor, plain, share, attention
        )
        out[:, latents] = rearrange(changed, "b h l d -> b l (h d)")
        return out

    return override
