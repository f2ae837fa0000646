"""Which tokens of a prompt are an instruction's keywords, by its text encoder's own tokenizer."""

from collections.abc import Sequence
from typing import Any

from ..prompts.keywords import find_words, keyword_tokens, read_marks
from ..prompts.lines import instruction_lines
from ..prompts.spans import PromptSpans
from .text import real_tokens, sequence_tokenizer


def keyword_numbers(clip: Any, spans: PromptSpans, typed: str) -> list[Sequence[int]]:
    """Per instruction the numbers of its keywords' tokens in its prompt.

    Args:
        typed: one line per instruction, words separated by commas; empty: as marked.
    """
    lines = [""] * len(spans.instructions)
    if typed.strip():
        lines = instruction_lines(typed, len(lines), "instructions")
    return [
        instruction_tokens(clip, text, words, length)
        for text, words, length in zip(spans.instructions, lines, spans.lengths[1:], strict=True)
    ]


def instruction_tokens(clip: Any, instruction: str, typed: str, length: int) -> Sequence[int]:
    """Numbers of an instruction's keyword tokens: typed, else marked, else all ``length``."""
    plain, marked = read_marks(instruction)
    words = [word.strip() for word in typed.split(",") if word.strip()]
    places = find_words(plain, words) if words else marked
    if not places:
        return range(length)
    whole, pad_left = real_tokens(clip, plain)
    padding = max(0, length - len(whole)) if pad_left else 0
    if len(whole) > length:
        refuse_stripped(clip)
    found = keyword_tokens(plain, places, lambda text: real_tokens(clip, text)[0])
    tokens = [token + padding for token in found]
    if not tokens or tokens[-1] >= length:
        raise ValueError(
            f"the keywords of {instruction!r} lie beyond the {length} tokens that Multi-Prompt "
            "Encode kept of it. Keep more tokens, or 'real tokens'."
        )
    return tokens


def refuse_stripped(clip: Any) -> None:
    """Refuse encoders that cut their template off: their tokens cannot be told from the words'."""
    name, _ = sequence_tokenizer(clip)
    tokens = clip.tokenize(" ")
    count = sum(len(chunk) for chunk in tokens[name])
    [[text, _]] = clip.encode_from_tokens_scheduled(tokens, show_pbar=False)
    if text.shape[1] != count:
        raise ValueError(
            "keywords cannot be found in the tokens of this text encoder, which cuts its template "
            "off. Leave the keywords empty and the instructions unmarked: then all words count."
        )
