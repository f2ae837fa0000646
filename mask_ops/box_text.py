"""Boxes out of the text that a language model or a person wrote around them."""

import ast
import json
import re
from collections.abc import Iterator
from typing import Any, cast

from .box_faults import broken_error, cut_error, repeated_error
from .box_table import read_table

LONGEST = 2_000_000
LOCATIONS = re.compile(r"<(loc_?|box_|bin_)\d+>|<\|box_start\|>|<\|det\|>")
"""Of Florence-2, PaliGemma and their like."""
TRIES, PYTHON_TRIES = 1000, 32
OPENING = re.compile(r"[\[{]")
DATA = re.compile(r"\[\s*[\[{]|\{\s*[\"']")
"""How a list of boxes or an object begins; a bracket in prose is followed by other things."""
FENCE = re.compile(r"```[A-Za-z0-9_-]*\s*\n?(.*?)```", re.DOTALL)
THINKS, THOUGHT = "<think>", "</think>"


def read_text(text: str) -> object:
    """What a text says in JSON, or as Python writes it (single quotes, tuples).

    A table of texts to change in CSV is read too (``read_table``).

    A byte order mark, a model's thoughts, markdown's fences and words before and after are left
    out. Several values one after the other, as one object per line, become a list.

    Raises:
        ValueError: nothing that can be read, data that is broken or ends in its middle, a model's
            own marks for places, too long a text, or one that is nested too deep.
    """
    text = _after_thoughts(text.lstrip("\ufeff")).strip()
    if LOCATIONS.search(text):
        raise ValueError(
            f"boxes given as text are a vision model's own marks, {text[:80]!r}: their order and "
            "what they count in are the model's. Connect the boxes that its node makes of them (of "
            "Florence-2: 'data', bboxes and labels), or write them as [[x1, y1, x2, y2], ..]."
        )
    if len(text) > LONGEST:
        raise ValueError(
            f"boxes given as text may have {LONGEST} letters, got {len(text)}: connect the boxes "
            "that are edited, not a data set's."
        )
    table = read_table(text)
    if table is not None:
        return table
    try:
        fenced = [value for part in FENCE.findall(text) for value in _values(part.strip())]
        found = fenced or list(_values(text))
    except RecursionError:
        raise ValueError(
            "boxes given as text are nested too deep: a list of boxes is needed."
        ) from None
    if found:
        return found[0] if len(found) == 1 else _joined(found)
    raise ValueError(
        "boxes given as text must hold boxes in JSON, e.g. [[x1, y1, x2, y2], ..] or "
        f'[{{"box_2d": [..], "label": ".."}}], got {text[:80]!r}.'
    )


def _after_thoughts(text: str) -> str:
    """The text behind what a model thought aloud."""
    answer = text.rpartition(THOUGHT)[2]
    if THINKS in answer:
        raise cut_error(answer, "while the model still thinks, ")
    return answer


def _values(text: str) -> Iterator[object]:
    """Every list or object in a text, from its left; numbers in the prose are none of them."""
    decoder = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole)
    place, tries = 0, 0
    while tries < TRIES and (opening := OPENING.search(text, place)) is not None:
        start = opening.start()
        try:
            value, place = cast(tuple[object, int], decoder.raw_decode(text, start))
        except json.JSONDecodeError as error:
            tries += 1
            value, place = (
                _python_value(text, start) if tries <= PYTHON_TRIES else (None, start + 1)
            )
            if value is None and DATA.match(text, start):
                raise broken_error(text, start, error) from None
        if _may_hold_boxes(value):
            yield value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; one with a name twice would lose what came first."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise repeated_error([name for name, _ in pairs])
    return found


def _whole(digits: str) -> int | float:
    """A whole number; one with very many digits is infinite, and no box."""
    return int(digits) if len(digits) < 20 else float(digits)


def _python_value(text: str, start: int) -> tuple[object, int]:
    """The Python literal up to the last bracket, and where it ends; else None, the next letter."""
    end = text.rfind("]" if text[start] == "[" else "}") + 1
    try:
        return (ast.literal_eval(text[start:end]), end) if end > start else (None, start + 1)
    except MemoryError:
        raise RecursionError from None
    except (ValueError, SyntaxError):
        return None, start + 1


def _may_hold_boxes(value: object) -> bool:
    if isinstance(value, dict):
        return bool(cast(dict[Any, Any], value))
    if not isinstance(value, list | tuple):
        return False
    items = cast(list[object], value)
    return not items or len(items) >= 4 or any(isinstance(i, dict | list | tuple) for i in items)


def _joined(found: list[object]) -> list[object]:
    """Objects and boxes one after the other as one list; lists of them end to end."""
    joined: list[object] = []
    for value in found:
        nested = isinstance(value, list | tuple) and any(
            isinstance(item, dict | list | tuple) for item in cast(list[object], value)
        )
        joined += cast(list[object], value) if nested else [value]
    return joined
