"""Anima's text: an adapter inside the model makes it of a prompt's features and of T5's tokens.

The adapter mixes all tokens of its text, past ComfyUI's attention override. So the conditioning
keeps each prompt's features and T5 tokens apart (``PromptSpans.adapters``), and every prompt goes
through the adapter alone. The features have a place for every token that it makes, and core's own
padding behind them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..prompts.spans import AdapterTokens, PromptSpans
from .call import ModelCall
from .carrier import Conditioning

IDS, WEIGHTS = "t5xxl_ids", "t5xxl_weights"
"""Core's names in a conditioning: T5's tokens and their weights."""
PADDED_TO = 512
"""Core pads what the adapter makes of a text up to this many tokens."""


def has_adapter(clip: Any) -> bool:
    """True if this encoder's model makes its text by an adapter."""
    return type(clip.tokenizer).__name__ == "AnimaTokenizer"


def adapter_tokens(text: Tensor, extras: Mapping[str, Any]) -> tuple[Tensor, AdapterTokens]:
    """A prompt's features with a place for all that the adapter makes, and what it reads beside.

    Args:
        text: (1, tokens, width), as core's encode node gives it.
        extras: what came with it.

    Raises:
        ValueError: without T5's tokens.
    """
    if IDS not in extras:
        raise ValueError(
            "Anima's text needs T5's tokens beside the features, but the conditioning holds none. "
            "Encode the global prompt with Anima's own text encoder (CLIP Text Encode)."
        )
    ids, weights = (tuple(extras[name].tolist()) for name in (IDS, WEIGHTS))
    tokens = AdapterTokens(text.shape[1], ids, weights)
    return F.pad(text, (0, 0, 0, max(tokens.places, PADDED_TO) - text.shape[1])), tokens


def without_ids(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Extras by which core would send all prompts through the adapter together, without that."""
    return {name: value for name, value in extras.items() if name not in (IDS, WEIGHTS)}


def as_core_has_it(conditioning: Conditioning, tokens: AdapterTokens | None) -> Conditioning:
    """The conditioning of one prompt alone, which core sends through the adapter itself."""
    if tokens is None:
        return conditioning
    own = {IDS: torch.tensor(tokens.ids, dtype=torch.int), WEIGHTS: torch.tensor(tokens.weights)}
    return [[text[:, : tokens.features], {**extras, **own}] for text, extras in conditioning]


def adapted_text(call: ModelCall, runs: Sequence[tuple[PromptSpans, slice]]) -> Tensor:
    """(B, T, width): the text of a call, every prompt through the adapter alone.

    Raises:
        ValueError: a model without an adapter, or text that another node appended.
    """
    if not hasattr(call.model, "preprocess_text_embeds"):
        raise ValueError(
            f"the text was encoded for Anima, but the model is {type(call.model).__qualname__}. "
            "Load Anima's model, or this model's own text encoder."
        )
    dtype = call.context.dtype if call.base is None else call.base.get_dtype_inference()
    context = call.context.to(call.x.device, dtype)
    parts: list[Tensor] = []
    for spans, items in runs:
        text = context[items]
        if spans.appended:
            raise ValueError(
                f"{spans.appended} tokens were appended to Anima's text (Conditioning Concat): "
                "they would go to the model without its adapter. Write them into the global "
                "prompt."
            )
        alone = [
            adapted_prompt(call.model, text[:, spans.place(n)], tokens)
            for n, tokens in enumerate(spans.adapters)
        ]
        parts.append(torch.cat([*alone, text[:, spans.total - spans.filling :]], dim=1))
    return torch.cat(parts)


def adapted_prompt(model: Any, text: Tensor, tokens: AdapterTokens) -> Tensor:
    """(B, places, width): what core's adapter makes of one prompt, and core's padding."""
    ids = torch.tensor([tokens.ids], device=text.device)
    weights = torch.tensor([tokens.weights], device=text.device, dtype=text.dtype)[..., None]
    made = model.preprocess_text_embeds(text[:, : tokens.features], ids, t5xxl_weights=weights)
    return F.pad(made, (0, 0, 0, max(text.shape[1] - made.shape[1], 0)))[:, : text.shape[1]]
