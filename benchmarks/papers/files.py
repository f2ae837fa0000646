"""Files of a benchmark's folder: JSON of a known form, pictures, nothing outside of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...tools.fleet.sizes import fitted_size

QUOTED = re.compile(r'"([^"]*)"')


def read_json(path: Path, what: str) -> Any:
    """The value in a JSON file.

    Args:
        what: the benchmark, for errors.

    Raises:
        ValueError: no such file, or no JSON.
    """
    if not path.is_file():
        raise ValueError(f"the folder of {what} must hold {path.name}, got {path.parent}.")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} must be JSON: {error}. Unpack it again.") from error


def mapping(value: object, name: str, file: str) -> Mapping[str, Any]:
    """The value, if it is a JSON object.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(value, Mapping):
        raise ValueError(
            f"{name} must map names to values, got a {type(value).__name__}. Correct {file}."
        )
    return value


def text_of(
    entry: Mapping[str, Any], key: str, name: str, file: str, default: str | None = None
) -> str:
    """The text under a key.

    Raises:
        ValueError: no text, or none there and no default.
    """
    value = entry.get(key, default)
    if not isinstance(value, str):
        came = f"got {value!r:.60}" if key in entry else "it is missing"
        raise ValueError(f"item {name}: '{key}' must be text, {came}. Correct {file}.")
    return value


def list_of(entry: Mapping[str, Any], key: str, name: str, file: str) -> list[Any]:
    """The list under a key.

    Raises:
        ValueError: no list.
    """
    value = entry.get(key)
    if not isinstance(value, list):
        raise ValueError(f"item {name}: '{key}' must be a list, got {value!r:.60}. Correct {file}.")
    return value


def box_of(value: object, name: str, file: str) -> list[float]:
    """The four numbers of a box.

    Raises:
        ValueError: anything else.
    """
    numbers = value if isinstance(value, list) else []
    if len(numbers) != 4 or not all(type(number) in (int, float) for number in numbers):
        raise ValueError(
            f"item {name}: a box must be four numbers, got {value!r:.60}. Correct {file}."
        )
    return [float(number) for number in numbers]


def quoted(text: str) -> tuple[str, ...]:
    """The quoted parts of a text: '"a cat" "a dog"' -> ("a cat", "a dog"); bare text is one."""
    found = tuple(QUOTED.findall(text))
    return found or ((text.strip(),) if text.strip() else ())


def open_inside(folder: Path, path: str, name: str, file: str) -> Image.Image:
    """A picture of the benchmark; nothing outside its folder is opened, links followed.

    Raises:
        ValueError: a path that leads out of the folder, is missing or is no picture.
    """
    found = (folder / path).resolve() if "\0" not in path else folder.parent
    if not found.is_relative_to(folder.resolve()):
        raise ValueError(
            f"item {name}: {path!r} must lie in {folder}, it leads out of it. Correct {file}."
        )
    if not found.is_file():
        raise ValueError(f"item {name}: {folder / path} is missing. Unpack the whole benchmark.")
    try:
        picture = Image.open(found)
        picture.load()
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"item {name}: {path} must be a picture: {error}. Replace it.") from error
    return picture


def fitted_picture(picture: Image.Image, area: float) -> Tensor:
    """(1, H, W, 3) float in [0, 1] of about ``area`` pixels, sides multiples of 16."""
    size = fitted_size(*picture.size, area)
    return resized_picture(picture, size)


def resized_picture(picture: Image.Image, size: tuple[int, int]) -> Tensor:
    """(1, H, W, 3) float in [0, 1] of (width, height) pixels."""
    pixels = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    return torch.from_numpy(pixels.copy())[None].float() / 255


def hard_mask(picture: Image.Image, size: tuple[int, int], name: str, path: str) -> Tensor:
    """(H, W) float: 1 where the picture is brighter than 127, resized to (width, height).

    Raises:
        ValueError: nothing is.
    """
    inside = np.asarray(picture.convert("L").resize(size, Image.Resampling.NEAREST)) > 127
    if not inside.any():
        raise ValueError(f"item {name}: mask {path} is empty. Remove or redraw it.")
    return torch.from_numpy(inside.astype(np.float32))
