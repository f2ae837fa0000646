"""What is finished: one row of JSON per picture, each file whole or not there at all.

A row is written after the files that belong to it, so a picture with a row is complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..whole_file import remove_begun, write_whole

ROWS, SETTINGS = "rows", "settings.json"
Row = dict[str, Any]


class FleetError(ValueError):
    """The whole job cannot go on; the message says what to do."""


def open_store(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder ready, and take away what a killed run had begun to write.

    Raises:
        FleetError: the folder holds results that other settings made.
    """
    path = folder / SETTINGS
    folder.mkdir(parents=True, exist_ok=True)
    remove_begun(folder)
    wanted = json.loads(json.dumps(settings))
    found = _read(path)
    if found is not None and found != wanted:
        keys = sorted({*found, *wanted})
        other = [key for key in keys if found.get(key) != wanted.get(key)]
        raise FleetError(
            f"{folder} holds results of other settings ({', '.join(other)} differ): name another "
            "folder, or remove this one."
        )
    write_json(path, wanted)


def row_path(folder: Path, name: str) -> Path:
    """Where the row of a picture lies; names may have slashes."""
    return folder / ROWS / f"{name}.json"


def read_row(folder: Path, name: str) -> Row | None:
    """The row of a finished picture; None where there is none."""
    return _read(row_path(folder, name))


def read_rows(folder: Path, names: Iterable[str]) -> list[Row]:
    """The rows of these pictures, in their order; those that were not reached have none."""
    rows = (read_row(folder, name) for name in names)
    return [row for row in rows if row is not None]


def write_outcome(folder: Path, name: str, row: Row, files: Mapping[str, bytes]) -> None:
    """Write a picture's files, by their names in the folder, and its row behind them."""
    for file, content in files.items():
        write_whole(folder / file, content)
    write_json(row_path(folder, name), row)


def write_json(path: Path, value: object) -> None:
    """Write JSON, whole or not at all."""
    text = json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    write_whole(path, text.encode())


def _read(path: Path) -> Row | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
