r"""Keywords of an instruction: marked [like this], or typed.

``replace the [red car] with a bus`` marks "red car". The brackets never reach the text encoder; a
bracket that is meant as such is written ``\[`` or ``\]``.
"""

import re
from collections.abc import Callable, Sequence

CharSpan = tuple[int, int]
_TOKEN = re.compile(r"\\[\[\]]|[\[\]]")


def read_marks(text: str) -> tuple[str, tuple[CharSpan, ...]]:
    """The instruction without its marks, and where the marked words stand in it.

    Raises:
        ValueError: a bracket that is not closed, not opened, or inside another pair.
    """
    plain, spans, opened, last = "", list[CharSpan](), -1, 0
    for found in _TOKEN.finditer(text):
        plain += text[last : found.start()]
        last = found.end()
        if found[0].startswith("\\"):
            plain += found[0][1]
        elif (found[0] == "[") != (opened < 0):
            raise ValueError(f"{_RULE} got {text!r}.")
        elif found[0] == "[":
            opened = len(plain)
        else:
            spans.append((opened, len(plain)))
            opened = -1
    if opened >= 0:
        raise ValueError(f"{_RULE} got {text!r}.")
    return plain + text[last:], tuple(spans)


_RULE = (
    r"a keyword is marked with one pair of brackets, as in 'turn the [car] red' (write \[ for a "
    "bracket that is part of the text);"
)


def find_words(text: str, words: Sequence[str]) -> tuple[CharSpan, ...]:
    """Where typed keywords stand in an instruction without marks, every occurrence as whole words.

    Raises:
        ValueError: a keyword that does not occur.
    """
    spans: list[CharSpan] = []
    for word in words:
        hits = list(re.finditer(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE))
        if not hits:
            raise ValueError(
                f"the keyword {word!r} does not occur in the instruction {text!r}. Type words of "
                "the instruction, separated by commas."
            )
        spans += [hit.span() for hit in hits]
    return tuple(spans)


def keyword_tokens(
    text: str, spans: Sequence[CharSpan], encode: Callable[[str], Sequence[object]]
) -> tuple[int, ...]:
    """Numbers of the tokens that make up some words, for any tokenizer and prompt template.

    A word's tokens are those that the text up to its end shares with the whole text, but the text
    up to its start does not.

    Args:
        text: the instruction without marks.
        spans: its words, as (start, stop) characters.
        encode: text -> token ids, template and end token included, padding not.
    """
    whole = encode(text)
    template_end = _shared([*reversed(encode(""))], [*reversed(whole)])
    tokens: set[int] = set()
    for start, stop in spans:
        first = _shared(encode(text[:start].rstrip()), whole)
        end = min(_shared(encode(text[:stop].rstrip()), whole), len(whole) - template_end)
        tokens.update(range(first, max(end, first + 1)))
    return tuple(sorted(tokens))


def _shared(one: Sequence[object], other: Sequence[object]) -> int:
    """Length of the common beginning."""
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return i
    return min(len(one), len(other))
