"""Prompts through a ComfyUI text encoder, one by one, as one conditioning with their spans."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..mask_ops.regions import InstanceRegion, picture_sets
from ..prompts.keywords import read_marks
from ..prompts.spans import PromptSpans
from .carrier import Conditioning, attach_spans


class EncodedPrompt(NamedTuple):
    """Text features (1, tokens, width) and what else came with them (pooled_output ..)."""

    text: Tensor
    extras: dict[str, Any]


def encode_regions(
    clip: Any, regions: Sequence[InstanceRegion], global_prompt: str, length: int | None = None
) -> Conditioning:
    """The global prompt and every region's instruction, each through the encoder alone.

    Args:
        length: see ``encode_prompt``.

    Returns:
        One conditioning with its spans and regions. Where regions have masks for each picture of
        a batch, its text is such a batch: each picture's text holds the instructions of its own
        regions, and is filled up with zeros that nobody sees.
    """
    world = encode_prompt(clip, global_prompt, length)
    known = {
        text: encode_prompt(clip, read_marks(text)[0], length).text
        for text in dict.fromkeys(region.instruction for region in regions)
    }
    texts: list[Tensor] = []
    spans: list[PromptSpans] = []
    for here in picture_sets(regions):
        parts = [world.text, *(known[region.instruction] for region in here)]
        lengths = tuple(part.shape[1] for part in parts)
        spans.append(PromptSpans(lengths, tuple(r.instruction for r in here), regions=here))
        texts.append(torch.cat(parts, dim=1))
    longest = max(text.shape[1] for text in texts)
    filled = [F.pad(text, (0, 0, 0, longest - text.shape[1])) for text in texts]
    items = [replace(item, filling=longest - item.total) for item in spans]
    return attach_spans([[torch.cat(filled), world.extras]], *items)


def encode_prompt(clip: Any, prompt: str, length: int | None = None) -> EncodedPrompt:
    """Encode one prompt alone.

    Args:
        clip: a ComfyUI CLIP of a FLUX text encoder.
        prompt: may be empty.
        length: None keeps the real tokens; a number keeps that many, padding included.

    Raises:
        ValueError: scheduled CLIP hooks, or an encoder that gives more features than tokens.
    """
    if clip.use_clip_schedule and clip.patcher.forced_hooks is not None:
        raise ValueError(
            "Multi-Prompt Encode does not support scheduled CLIP hooks: switch 'schedule_clip' off "
            "in Set CLIP Hooks."
        )
    name, tokenizer = sequence_tokenizer(clip)
    options = {} if length is None else {f"{tokenizer.embedding_key}_min_length": length}
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
        start, stop = 0, max(1, int(mask.sum()))
    else:
        pad_left = getattr(tokenizer, "pad_left", False)
        start, stop = real_span(ids[stripped:], tokenizer.pad_token, pad_left)
    if length is not None:
        start = min(start, max(0, text.shape[1] - length))
        stop = start + length
    return EncodedPrompt(text[:, start:stop], extras)


def real_tokens(clip: Any, prompt: str) -> tuple[list[Any], bool]:
    """Ids of a prompt's real tokens, and whether its encoder pads on the left."""
    name, tokenizer = sequence_tokenizer(clip)
    ids = [token[0] for chunk in clip.tokenize(prompt.strip() or " ")[name] for token in chunk]
    pad_left = bool(getattr(tokenizer, "pad_left", False))
    start, stop = real_span(ids, tokenizer.pad_token, pad_left)
    return ids[start:stop], pad_left


def sequence_tokenizer(clip: Any) -> tuple[str, Any]:
    """The tokenizer whose tokens become FLUX's text (not CLIP-L's, which is pooled), by name."""
    names = [name for name in clip.tokenize(" ") if name not in ("l", "g")]
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
