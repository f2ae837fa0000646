"""What is worth knowing about a prompt before it is sampled: in words."""

from collections.abc import Sequence
from typing import Any

from ..mask_ops.regions import InstanceRegion
from ..prompts.keywords import read_marks
from .text import sequence_tokenizer


def prompt_notes(
    clip: Any, regions: Sequence[InstanceRegion], global_prompt: str, negative: str
) -> tuple[str, ...]:
    """Sentences about words that the encoder does not know, and brackets that it does not get."""
    named = {"The global prompt": global_prompt, "The negative prompt": negative}
    notes: list[str] = []
    for n, region in enumerate(regions):
        plain, marks = read_marks(region.instruction)
        named[f"Instance {n + 1}"] = plain
        if marks:
            words = ", ".join(f"[{plain[start:stop]}]" for start, stop in marks)
            notes.append(
                f"Instance {n + 1}: {words} marks keywords for FoI; the brackets are not encoded. "
                r"Write \[ and \] for brackets that belong to the text."
            )
    for name, text in named.items():
        unknown = unknown_words(clip, text)
        if unknown:
            encoder, _ = sequence_tokenizer(clip)
            notes.append(
                f"{name}: the text encoder ({encoder}) does not know {', '.join(unknown)}; all "
                "unknown words mean the same to it. Say it in a language that it knows."
            )
    return tuple(notes)


def unknown_words(clip: Any, text: str) -> list[str]:
    """The words of a text of which the encoder's tokenizer has no tokens, in their order."""
    name, tokenizer = sequence_tokenizer(clip)
    if hasattr(tokenizer.tokenizer, "left_out"):  # the demo's
        return [repr(word) for word in tokenizer.tokenizer.left_out(text)]
    unknown = getattr(tokenizer.tokenizer, "unk_token_id", None)
    if unknown in (None, tokenizer.pad_token, tokenizer.end_token):  # bytes: all can be said
        return []

    def has_unknown(words: str) -> bool:
        tokens = clip.tokenize(words)[name]
        return any(token[0] == unknown for chunk in tokens for token in chunk)

    if not has_unknown(text):
        return []
    return [repr(word) for word in dict.fromkeys(text.split()) if has_unknown(word)]
