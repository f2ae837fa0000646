"""A table of texts to change, as spreadsheets write it: old text, new text and box, a row each."""

import csv
import re
from collections.abc import Mapping
from io import StringIO

from .box_entries import CHANGES, LISTED

DELIMITERS = ",;\t|"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
LISTS = {name for name, _ in LISTED}
"""Columns that hold all four numbers of a box."""


def read_table(text: str) -> list[Mapping[str, object]] | None:
    """The rows of a table in CSV, as objects by the names of its columns.

    A table has a first line that names both texts (see ``CHANGES``) and is divided by commas,
    semicolons, tabs or upright lines; cells with those in them stand in quotes.

    Returns:
        None if the text is no such table.

    Raises:
        ValueError: a row with more or fewer cells than the first line, or a name twice.
    """
    first = text.strip().partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    names = [name.strip(' \t\r"').lower() for name in first.split(delimiter)]
    if not any(set(pair) <= set(names) for pair in CHANGES):
        return None
    if len(set(names)) < len(names):
        raise ValueError(f"the table's first line must name each column once, got {names}.")
    found: list[Mapping[str, object]] = []
    for number, cells in enumerate(_rows(text, delimiter), start=1):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            raise ValueError(
                f"row {number} of the table has {len(cells)} cells, its first line names "
                f"{len(names)}: put a text that holds {delimiter!r} into double quotes."
            )
        found.append({name: _cell(name, cell) for name, cell in zip(names, cells, strict=True)})
    return found


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """The rows behind the first line."""
    lines = csv.reader(StringIO(text.strip()), delimiter=delimiter, skipinitialspace=True)
    try:
        return list(lines)[1:]
    except csv.Error as fault:
        raise ValueError(f"the table cannot be read: {fault}.") from None


def _cell(name: str, text: str) -> object:
    return NUMBER.findall(text) if name in LISTS else text.strip()
