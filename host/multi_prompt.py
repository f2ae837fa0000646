"""The conditionings of Multi-Prompt Encode: all prompts in one text, with their spans."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import node_helpers
import torch
import torch.nn.functional as F
from torch import Tensor

from ..mask_ops.regions import InstanceRegion, picture_sets
from ..prompts.keywords import read_marks
from ..prompts.spans import PromptSpans
from .adapter_text import without_ids
from .carrier import Conditioning, Pooled, attach_spans, carried_spans
from .text import (
    EncodedPrompt,
    KeptPrompt,
    TextLength,
    counts_by_mask,
    encode_prompt,
    keep_tokens,
    placed_alone,
)
from .text_notes import prompt_notes
from .vision_text import (
    Pictures,
    edit_node,
    encode_seen,
    keep_seen,
    numbered,
    require_edit_node,
    without_owned,
)

log = logging.getLogger("instance_edit")


class Text(NamedTuple):
    """The text of one picture: features (1, tokens, width), what is where in it, and each
    instruction's pooled vector, (1, width), where the encoder gives one."""

    features: Tensor
    spans: PromptSpans
    pooled: Pooled


class Conditionings(NamedTuple):
    """Positive and negative conditioning with the same instances."""

    positive: Conditioning
    negative: Conditioning


def global_prompt(
    clip: Any, text: str, conditioning: Conditioning | None, pictures: Pictures | None = None
) -> EncodedPrompt:
    """The global prompt: a text, or what another encode node made of one.

    Args:
        pictures: what the encoder sees; those of instances are not in the global prompt.

    Raises:
        ValueError: both, several conditionings, or one that cannot be a global prompt.
    """
    if conditioning is None:
        return encode_world(clip, text, pictures)
    if text.strip():
        raise ValueError(
            f"the global prompt came twice: as text {text.strip()!r} and as 'conditioning'. Empty "
            "the text, or disconnect 'conditioning'."
        )
    if len(conditioning) != 1 or len(conditioning[0][0]) != 1:
        raise ValueError(
            "'conditioning' must be one prompt for the whole picture, got "
            f"{len(conditioning)} part(s) with a batch of {len(conditioning[0][0])}. Connect the "
            "encode node itself, and combine behind Multi-Prompt Encode."
        )
    [[features, extras]] = conditioning
    taken = [key for key in ("attention_mask_img_shape", "area", "mask") if key in extras]
    if taken or carried_spans(extras) is not None:
        raise ValueError(
            "'conditioning' must be a plain prompt, got one with "
            f"{', '.join(taken) or 'instances of its own'}. Put the node that adds this behind "
            "Multi-Prompt Encode."
        )
    mask: Tensor | None = extras.get("attention_mask")  # of the encoder's padding
    kept = {key: value for key, value in extras.items() if key != "attention_mask"}
    if pictures is not None:
        features = without_owned(clip, features, pictures)
    return placed_alone(clip, features, kept, None if mask is None else real_words(mask))


def encode_world(clip: Any, text: str, pictures: Pictures | None) -> EncodedPrompt:
    """A text for the whole picture, alone or with the scene's pictures."""
    if pictures is None:
        return encode_prompt(clip, text)
    features = encode_seen(clip, text, pictures.scene).text
    return EncodedPrompt(features, (0, features.shape[1]), {})


def has_references(conditioning: Conditioning | None) -> bool:
    """True if a conditioning brings reference images."""
    return any(extras.get("reference_latents") for _, extras in conditioning or ())


def seen_pictures(
    clip: Any,
    regions: Sequence[InstanceRegion],
    images: Sequence[Tensor | None],
    grounded: bool,
    edits: bool = False,
) -> Pictures | None:
    """What the text encoder sees beside the words; None where that is nothing.

    Args:
        images: in the order of the reference images.
        grounded: see ``Pictures``.
        edits: it is an edit, so that an encoder with a template for edits uses that.

    Raises:
        ValueError: pictures for an encoder that reads none, or none to ground the text on.
    """
    given = numbered(images)
    if grounded and not given:
        raise ValueError(
            "'grounding' needs the pictures that the encoder shall see: connect image1 (the one "
            "that is edited), or set 'grounding' to 'text only'."
        )
    if not given and not (edits and edit_node(clip)):
        return None
    require_edit_node(clip)
    if not given:
        log.info(
            "the text encoder reads instructions and the negative prompt without pictures. Connect "
            "image1 .. image3 of Multi-Prompt Encode to show it what core's encode node is shown."
        )
    owned = {region.reference + 1 for region in regions if region.reference is not None}
    return Pictures(given, frozenset(owned & given.keys()), grounded)


def real_words(mask: Tensor) -> tuple[int, int]:
    """First and last + 1 of the tokens that an encoder's (1, tokens) mask calls real."""
    real = mask[0].nonzero()[:, 0].tolist() or [0]
    return real[0], real[-1] + 1


def encode_regions(
    clip: Any,
    regions: Sequence[InstanceRegion],
    world: EncodedPrompt,
    negative: str = "",
    how: TextLength | None = None,
    prompt: str = "",
    pictures: Pictures | None = None,
) -> Conditionings:
    """Every region's instruction, each through the encoder alone, behind the global prompt.

    Where regions have masks for each picture of a batch, the text is such a batch: each picture's
    text holds the instructions of its own regions. Shorter text is filled up with zeros that
    nobody sees.

    Args:
        world: the global prompt.
        negative: one text, which is the global prompt and every instruction of the negative
            conditioning. It is filled up to the positive's length, so that both fit into one model
            call; where it is longer, they stay apart.
        how: what is kept of each instruction; default: real tokens.
        prompt: the global prompt's words, for what is noted of them.
        pictures: what the encoder sees beside the words; None: nothing.
    """
    how = how or TextLength()
    sets = picture_sets(regions)

    def kept(text: str, own: int | None) -> KeptPrompt:
        if pictures is None:
            return keep_tokens(clip, text, how)
        return keep_seen(clip, text, how, pictures, own)

    wanted = dict.fromkeys(prompt_key(region, pictures) for region in regions)
    known = {(text, own): kept(read_marks(text)[0], own) for text, own in wanted}
    notes = [prompt_notes(clip, here, prompt, negative) for here in sets]
    for note in dict.fromkeys(one for several in notes for one in several):
        log.warning(note)
    keys = [[prompt_key(region, pictures) for region in here] for here in sets]
    positives = [
        joined_text(world, [known[key] for key in own], here, how, said)
        for here, own, said in zip(sets, keys, notes, strict=True)
    ]
    against = encode_world(clip, negative, pictures)
    unwanted = {own: kept(negative, own) for own in dict.fromkeys(own for _, own in wanted)}
    negatives = [
        joined_text(against, [unwanted[number] for _, number in own], here, how)
        for here, own in zip(sets, keys, strict=True)
    ]
    longest = max(text.spans.total for text in positives)
    least = max(longest, *(text.spans.total for text in negatives))
    counted = counts_by_mask(clip)
    return Conditionings(
        as_conditioning(positives, longest, without_ids(world.extras), counted),
        as_conditioning(negatives, least, without_ids({**world.extras, **against.extras}), counted),
    )


def prompt_key(region: InstanceRegion, pictures: Pictures | None) -> tuple[str, int | None]:
    """What a region's prompt is made of: its instruction, and the number of its own picture."""
    own = None if region.reference is None else region.reference + 1
    return region.instruction, own if pictures and own in pictures.images else None


def with_values(made: Conditionings, latent: Tensor | None, guidance: float) -> Conditionings:
    """Both conditionings with a reference latent behind those they have, and with a guidance.

    Args:
        latent: None: no further reference.
        guidance: 0: as it is.
    """
    both = list(made)
    if latent is not None:
        values = {"reference_latents": [latent]}
        both = [node_helpers.conditioning_set_values(one, values, append=True) for one in both]
    if guidance:
        both = [node_helpers.conditioning_set_values(one, {"guidance": guidance}) for one in both]
    return Conditionings(*both)


def joined_text(
    world: EncodedPrompt,
    prompts: Sequence[KeptPrompt],
    regions: tuple[InstanceRegion, ...],
    how: TextLength,
    notes: tuple[str, ...] = (),
) -> Text:
    """The global prompt and the prompts of one picture's regions as one text."""
    parts = [world.text, *(prompt.text for prompt in prompts)]
    running = how.kind == "running positions"
    spans = PromptSpans(
        tuple(part.shape[1] for part in parts),
        tuple(region.instruction for region in regions),
        regions=regions,
        starts=() if running else (0, *(prompt.start for prompt in prompts)),
        words=world.words,
        notes=notes,
        adapters=tuple(one.adapter for one in (world, *prompts) if one.adapter is not None),
    )
    pooled = tuple(prompt.pooled for prompt in prompts if prompt.pooled is not None)
    return Text(torch.cat(parts, dim=1), spans, pooled)


def as_conditioning(
    texts: Sequence[Text], length: int, extras: dict[str, Any], counted: bool = False
) -> Conditioning:
    """The texts of all pictures, each filled up to a length in tokens.

    Args:
        counted: the model learns that length from an attention mask.
    """
    missing = [length - text.spans.total for text in texts]
    filled = [
        F.pad(text.features, (0, 0, 0, gap)) for text, gap in zip(texts, missing, strict=True)
    ]
    spans = [replace(text.spans, filling=gap) for text, gap in zip(texts, missing, strict=True)]
    if counted:
        extras = {**extras, "attention_mask": torch.ones((1, length), dtype=torch.long)}
    pooled = tuple(text.pooled for text in texts)
    return attach_spans([[torch.cat(filled), extras]], *spans, pooled=pooled)
