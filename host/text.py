"""Prompts through a ComfyUI text encoder, one by one, as one conditioning with their spans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch.nn.functional as F
from torch import Tensor

from ..prompts.spans import AdapterTokens
from .adapter_text import adapter_tokens, has_adapter
from .families.flux import FLUX2_TEXT_TOKENS

Kind = Literal["real tokens", "fixed", "as core", "running positions"]


@dataclass(frozen=True)
class TextLength:
    """How much of every instruction's text is kept, and at which positions.

    Attributes:
        kind: ``real tokens`` drops the padding, ``fixed`` keeps ``length`` tokens, ``as core``
            all that core's own encode gives; in each the tokens keep the positions that they have
            alone. ``running positions`` keeps the real tokens and lets positions run on.
        length: for ``fixed``.
    """

    kind: Kind = "real tokens"
    length: int = 0


class EncodedPrompt(NamedTuple):
    """One prompt as core encodes it alone.

    Attributes:
        text: (1, tokens, width) features, padding included.
        words: first and last + 1 of the tokens that are no padding.
        extras: what else came with them (pooled_output ..).
        adapter: what the model's text adapter reads; None where it has none.
    """

    text: Tensor
    words: tuple[int, int]
    extras: dict[str, Any]
    adapter: AdapterTokens | None = None


class KeptPrompt(NamedTuple):
    """What is kept of a prompt: features (1, tokens, width), the position of the first, the pooled
    vector (1, width) where its encoder gives one, and what the model's text adapter reads."""

    text: Tensor
    start: int
    pooled: Tensor | None = None
    adapter: AdapterTokens | None = None


def encode_prompt(clip: Any, prompt: str, least: int = 0) -> EncodedPrompt:
    """Encode one prompt alone.

    Args:
        clip: a ComfyUI CLIP of a FLUX text encoder.
        prompt: may be empty.
        least: number of tokens up to which the encoder shall pad, if it pads to fewer.

    Raises:
        ValueError: scheduled CLIP hooks, or an encoder that gives more features than tokens.
    """
    refuse_schedule(clip)
    name, tokenizer = sequence_tokenizer(clip)
    options = {}
    if least > (tokenizer.min_length or 0) and not has_adapter(clip):  # which pads behind itself
        options[f"{tokenizer.embedding_key}_min_length"] = least
    tokens = clip.tokenize(prompt.strip() or " ", tokenizer_options=options)
    [[text, extras]] = clip.encode_from_tokens_scheduled(tokens, show_pbar=False)
    mask = extras.pop("attention_mask", None)  # of the padded text; these models do not use it
    ids = [token[0] for chunk in tokens[name] for token in chunk]
    stripped = len(ids) - text.shape[1]
    if stripped < 0:
        raise ValueError(
            f"this text encoder returned {text.shape[1]} features for {len(ids)} tokens of {name}: "
            "some tokens became several features (pictures?). Use a text encoder for text alone."
        )
    if stripped and mask is not None:  # template cut at both ends: its mask says what is real
        return EncodedPrompt(text, (0, max(1, int(mask.sum()))), extras)
    words = real_span(ids[stripped:], tokenizer.pad_token, pads_left(tokenizer))
    return placed_alone(clip, text, extras, words)


def refuse_schedule(clip: Any) -> None:
    """Refuse an encoder whose hooks change along the sampling."""
    if clip.use_clip_schedule and clip.patcher.forced_hooks is not None:
        raise ValueError(
            "Multi-Prompt Encode does not support scheduled CLIP hooks: switch 'schedule_clip' off "
            "in Set CLIP Hooks."
        )


def placed_alone(
    clip: Any, text: Tensor, extras: dict[str, Any], words: tuple[int, int] | None = None
) -> EncodedPrompt:
    """A prompt's features (1, tokens, width) with the padding that core's model gives it.

    FLUX.2 models pad text with zeros on the left. Text of an encoder that pads on the left (FLUX.2
    dev's) gets them here, so that its words stand where they do alone.

    Args:
        words: see ``EncodedPrompt``; None: all.
    """
    if has_adapter(clip):
        padded, tokens = adapter_tokens(text, extras)
        return EncodedPrompt(padded, (0, tokens.places), extras, tokens)
    start, stop = words or (0, text.shape[1])
    left = pads_left(sequence_tokenizer(clip)[1])
    front = max(0, FLUX2_TEXT_TOKENS - text.shape[1]) if left else 0
    return EncodedPrompt(F.pad(text, (0, 0, front, 0)), (start + front, stop + front), extras)


def keep_tokens(clip: Any, prompt: str, how: TextLength) -> KeptPrompt:
    """An instruction's tokens, encoded alone, as many as shall be kept.

    Raises:
        ValueError: as ``encode_prompt``, or a fixed length that this encoder's text cannot have.
    """
    left = pads_left(sequence_tokenizer(clip)[1])
    text, (start, stop), extras, tokens = encode_prompt(clip, prompt, 0 if left else how.length)
    pooled: Tensor | None = extras.get("pooled_output")
    if how.kind == "as core":
        return KeptPrompt(text, 0, pooled, tokens)
    if how.kind != "fixed":
        return KeptPrompt(text[:, start:stop], start, pooled, tokens)
    if text.shape[1] < how.length:
        raise ValueError(
            f"a fixed length of {how.length} tokens is more than this text encoder gives "
            f"({text.shape[1]}). Set it to {text.shape[1]} or less."
        )
    start = max(0, stop - how.length) if left else start
    return KeptPrompt(text[:, start : start + how.length], start, pooled, tokens)


def counts_by_mask(clip: Any) -> bool:
    """True if this encoder's model learns from an attention mask how long its text is."""
    return type(clip.tokenizer).__name__ in ("Omnigen2Tokenizer", "BooguTokenizer")


def pads_left(tokenizer: Any) -> bool:
    """True if an encoder pads its text on the left."""
    return bool(getattr(tokenizer, "pad_left", False))


def real_tokens(clip: Any, prompt: str) -> tuple[list[Any], bool]:
    """Ids of a prompt's real tokens, and whether its encoder pads on the left."""
    name, tokenizer = sequence_tokenizer(clip)
    ids = [token[0] for chunk in clip.tokenize(prompt.strip() or " ")[name] for token in chunk]
    pad_left = pads_left(tokenizer)
    start, stop = real_span(ids, tokenizer.pad_token, pad_left)
    return ids[start:stop], pad_left


def sequence_tokenizer(clip: Any) -> tuple[str, Any]:
    """The tokenizer whose tokens become FLUX's text (not CLIP-L's, which is pooled), by name."""
    beside = ("l", "g", "t5xxl") if has_adapter(clip) else ("l", "g")
    names = [name for name in clip.tokenize(" ") if name not in beside]
    # An encoder with one tokenizer keeps it under the attribute that `clip` names.
    attributes = [*names, getattr(clip.tokenizer, "clip", "")]
    found = [getattr(clip.tokenizer, name) for name in attributes if hasattr(clip.tokenizer, name)]
    if len(names) != 1 or not found:
        raise ValueError(
            f"Multi-Prompt Encode needs a FLUX text encoder (T5, Qwen or Mistral), got tokenizers "
            f"{list(clip.tokenize(' '))}. Load it with DualCLIPLoader (type flux) or CLIPLoader "
            "(type flux2, longcat_image, ovis or chroma)."
        )
    return names[0], found[0]


def real_span(ids: Sequence[Any], pad_token: int, pad_left: bool) -> tuple[int, int]:
    """Where the real tokens stand: without the padding at the encoder's padded end."""
    padding = [isinstance(token, int) and token == pad_token for token in ids]
    if pad_left:
        return (padding.index(False) if False in padding else len(ids) - 1), len(ids)
    kept = len(ids)
    while kept > 1 and padding[kept - 1]:
        kept -= 1
    return 0, kept
