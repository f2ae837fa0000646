"""What can be wrong with boxes that somebody wrote, in words that say what to do."""

import json
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Read = TypeVar("Read")

TOLD = 5
"""Faults that one error tells; the others are counted."""
QUOTED = re.compile(r'"(?:\\.|[^"\\])*"?')
AGAIN = "Mend it, or let the model answer again with another seed or a lower temperature."


def read_all(items: Sequence[Item], read: Callable[[Item, str], Read]) -> list[Read]:
    """Every item read, called ``box 1`` and so on.

    Raises:
        ValueError: what is wrong with each that cannot be read, a line each.
    """
    found: list[Read] = []
    faults: list[str] = []
    for number, item in enumerate(items, start=1):
        try:
            found.append(read(item, f"box {number}"))
        except ValueError as fault:
            faults.append(str(fault))
    if faults:
        more = len(faults) - TOLD
        told = [*faults[:TOLD], *([f"{more} more boxes cannot be read."] if more > 0 else [])]
        raise ValueError("\n".join(told))
    return found


def cut_error(text: str, where: str = "") -> ValueError:
    """The error of an answer that ends in its middle."""
    return ValueError(
        f"boxes given as text end in the middle, {where}after {text[-40:]!r}: the answer was cut "
        "off. Raise 'max_length' of Generate Text, switch its 'thinking' off, or ask for less."
    )


def broken_error(text: str, start: int, error: json.JSONDecodeError) -> ValueError:
    """The error of data that begins as JSON and cannot be read.

    Args:
        start: where it begins.
        error: what the reader of JSON said.
    """
    bare = QUOTED.sub("", text[start:])
    if sum(map(bare.count, "[{")) > sum(map(bare.count, "]}")):
        return cut_error(text)
    return ValueError(
        f"boxes given as text cannot be read as JSON: {error.msg} in line {error.lineno}, at "
        f"{text[error.pos : error.pos + 40]!r}. {AGAIN}"
    )


def repeated_error(names: Sequence[str]) -> ValueError:
    """The error of an object that has one name several times, as if it were many boxes."""
    name = next(name for name in names if names.count(name) > 1)
    return ValueError(
        f"boxes given as text have an object with {name!r} {names.count(name)} times: each box "
        f"needs an object of its own. {AGAIN}"
    )


def untold_error(numbers: Sequence[int]) -> ValueError:
    """The error of boxes without an instruction among others that have one."""
    boxes = ", ".join(map(str, numbers))
    return ValueError(
        f"box {boxes} has no 'instruction', others have one: what shall be done there is not "
        f"said. {AGAIN}"
    )
