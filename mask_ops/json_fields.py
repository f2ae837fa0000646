"""What each key of the regions' JSON must hold: one table per object, read by code and document."""

import math
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from .instance_lora import LARGEST_RING

LARGEST_GROW, LARGEST_STRENGTH, LARGEST_LORA = 512, 10, 20
LARGEST_SEED = 2**64 - 1
LONGEST_SHOWN = 80
REQUIRED = object()


@dataclass(frozen=True)
class Field:
    """One key.

    Attributes:
        must_be: what it holds, in words.
        holds: whether a value is that.
        default: its value where the key is not there; ``REQUIRED`` if it must be.
    """

    must_be: str
    holds: Callable[[Any], bool]
    default: Any = REQUIRED


def is_text(value: Any) -> bool:
    """Text that can be written as UTF-8, as every tokenizer does."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """A finite number; true and false are none."""
    return (is_whole(value) and abs(value) < 1e300) or (
        isinstance(value, float) and math.isfinite(value)
    )


def is_fraction(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


def is_list(value: Any, holds: Callable[[Any], bool], least: int = 0) -> bool:
    """A list of at least so many values of a kind."""
    if not isinstance(value, list):
        return False
    items = cast(list[Any], value)
    return len(items) >= least and all(map(holds, items))


def is_point(value: Any) -> bool:
    return is_list(value, is_fraction) and len(value) == 2


def is_box(value: Any) -> bool:
    corners = is_list(value, is_fraction) and len(value) == 4
    return corners and value[0] < value[2] and value[1] < value[3]


def is_size(value: Any) -> bool:
    return is_list(value, lambda side: is_whole(side) and side > 0) and len(value) == 2


def is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_colour(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", value) is not None


def between(least: int, most: int) -> Callable[[Any], bool]:
    """A whole number in a range."""
    return lambda value: is_whole(value) and least <= value <= most


def nullable(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or holds(value)


WITH_OP = {"op": Field("add or subtract", lambda value: value in ("add", "subtract"))}
SHAPES: Mapping[str, Mapping[str, Field]] = {
    "box": {
        **WITH_OP,
        "box": Field("[x1, y1, x2, y2], fractions with x1 < x2 and y1 < y2", is_box),
    },
    "polygon": {
        **WITH_OP,
        "points": Field(
            "at least 3 points [x, y], fractions", lambda value: is_list(value, is_point, 3)
        ),
    },
    "stroke": {
        **WITH_OP,
        "points": Field(
            "at least 1 point [x, y], fractions", lambda value: is_list(value, is_point, 1)
        ),
        "radius": Field(
            "a fraction of the shorter side, above 0",
            lambda value: is_fraction(value) and value > 0,
        ),
    },
    "mask": {**WITH_OP, "png": Field("the base64 of an 8-bit grey PNG", is_text)},
}


def is_name(value: Any) -> bool:
    return is_text(value) and value != ""


def is_strength(value: Any) -> bool:
    return is_number(value) and abs(value) <= LARGEST_LORA


LORA: Mapping[str, Field] = {
    "file": Field("the name of a file in ComfyUI's folder 'loras'", is_name),
    "image": Field(f"a number from -{LARGEST_LORA} to {LARGEST_LORA}", is_strength, 1.0),
    "text": Field(f"a number from -{LARGEST_LORA} to {LARGEST_LORA}", is_strength, 1.0),
    "ring": Field(f"a whole number from 0 to {LARGEST_RING}", between(0, LARGEST_RING), 0),
    "sha256": Field("text", is_text, ""),
}
INSTANCE: Mapping[str, Field] = {
    "instruction": Field("text", is_text),
    "shapes": Field("a list of shapes", lambda value: is_list(value, is_object)),
    "id": Field("text, no two alike", is_text, ""),
    "label": Field("text", is_text, ""),
    "color": Field("null or #rrggbb", nullable(is_colour), None),
    "strength": Field(
        f"a number from 0 to {LARGEST_STRENGTH}",
        lambda value: is_number(value) and 0 <= value <= LARGEST_STRENGTH,
        1.0,
    ),
    "start": Field("a fraction, below end", is_fraction, 0.0),
    "end": Field("a fraction, above start", is_fraction, 1.0),
    "grow": Field(f"a whole number from 0 to {LARGEST_GROW}", between(0, LARGEST_GROW), 0),
    "reference": Field("null or a whole number from 1", nullable(between(1, 2**31)), None),
    "reference_masks": Field(
        "a list of grey PNGs in base64", lambda value: is_list(value, is_text), []
    ),
    "seed": Field(
        "null or a whole number from 0 to 2^64 - 1", nullable(between(0, LARGEST_SEED)), None
    ),
    "loras": Field("a list of LoRAs", lambda value: is_list(value, is_object), []),
    "hidden": Field("true or false", is_flag, False),
    "locked": Field("true or false", is_flag, False),
    "muted": Field("true or false", is_flag, False),
}
FILE: Mapping[str, Field] = {
    "version": Field("1", is_whole),
    "instances": Field("a list of instances", lambda value: is_list(value, is_object)),
    "size": Field("null or [height, width] in pixels", nullable(is_size), None),
}


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def checked(data: Mapping[str, Any], fields: Mapping[str, Field], where: str) -> dict[str, Any]:
    """The values of all fields, defaults filled in.

    Args:
        where: what ``data`` is, for errors, e.g. ``the canvas, instance 2``.

    Raises:
        ValueError: an unknown key, a missing one, or one that holds something else.
    """
    for key in data.keys() - fields.keys():
        raise ValueError(
            f"{where} has no key {shown(key)}: remove it, or update Instance Edit if a newer "
            f"version wrote it. It has {', '.join(fields)}."
        )
    for key, field in fields.items():
        if key not in data and field.default is REQUIRED:
            raise ValueError(f"{where} needs the key '{key}': {field.must_be}.")
        if key in data and not field.holds(data[key]):
            raise ValueError(f"{where}: '{key}' must be {field.must_be}, got {shown(data[key])}.")
    return {key: data.get(key, field.default) for key, field in fields.items()}


def shown(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST_SHOWN else value[:LONGEST_SHOWN] + "...")
    return reprlib.repr(value)
