"""PIE-Bench: one edit per picture, or a session of several.

``mapping_file.json`` maps an id to ``image_path`` (in ``annotation_images/``),
``original_prompt``, ``editing_prompt`` (both with the changed words in square brackets),
``editing_instruction``, ``editing_type_id``, ``blended_word`` and ``mask`` (starts and lengths of
runs over 512 x 512 pixels, row by row). So the benchmark was published, and so its evaluation
reads it; like that, the outermost pixels count as edited.

The paper on multi-turn editing adds rounds of prompts that are not public. What is read here for
them is our choice: ``editing_instructions``, a list with one instruction per round, in an item of
the same file; then ``editing_prompt`` describes the last round's picture.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .files import fitted_picture, list_of, mapping, open_inside, read_json, text_of
from .item import BenchmarkItem, Items

FILE, IMAGES = "mapping_file.json", "annotation_images"
SIDE = 512
BRACKETS = str.maketrans("", "", "[]")


def pie_items(folder: Path, area: float) -> Items:
    """Every item, in the order of the file; see ``lomoe_items``.

    Raises:
        ValueError: as there.
    """
    entries = mapping(read_json(folder / FILE, "PIE-Bench"), FILE, FILE)
    return {name: partial(load_entry, folder, name, entry, area) for name, entry in entries.items()}


def load_entry(folder: Path, name: str, entry: object, area: float) -> BenchmarkItem:
    """One item; see ``pie_items``."""
    known = mapping(entry, f"item {name}", FILE)
    turns = (text_of(known, "editing_instruction", name, FILE),)
    if "editing_instructions" in known:
        turns = tuple(map(str, list_of(known, "editing_instructions", name, FILE)))
    words = [text_of(known, f"{kind}_prompt", name, FILE) for kind in ("original", "editing")]
    source, target = (text.translate(BRACKETS).strip() for text in words)
    path = f"{IMAGES}/{text_of(known, 'image_path', name, FILE)}"
    picture = fitted_picture(open_inside(folder, path, name, FILE), area)
    size = (picture.shape[2], picture.shape[1])
    return BenchmarkItem(
        name=name,
        picture=picture,
        masks=decode_runs(list_of(known, "mask", name, FILE), size, name),
        instructions=(" ".join(turns),),
        sources=(source,),
        targets=(target,),
        turns=turns,
        caption=target,
    )


def decode_runs(runs: list[object], size: tuple[int, int], name: str) -> Tensor:
    """(1, H, W) of starts and lengths, resized from 512 x 512 to (width, height).

    Raises:
        ValueError: numbers that are none, or that do not come in pairs inside the picture.
    """
    numbers = [number for number in runs if type(number) is int and number >= 0]
    if len(numbers) != len(runs) or len(runs) % 2:
        raise ValueError(f"item {name}: 'mask' must be pairs of start and length. Correct {FILE}.")
    flat = np.zeros(SIDE * SIDE, np.uint8)
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        if start >= flat.size:
            raise ValueError(
                f"item {name}: 'mask' starts at {start}, the picture has {flat.size} pixels. "
                f"Correct {FILE}."
            )
        flat[start : start + length] = 255
    mask = flat.reshape(SIDE, SIDE)
    mask[[0, -1]], mask[:, [0, -1]] = 255, 255
    resized = Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)
    return torch.from_numpy((np.asarray(resized) > 127).astype(np.float32))[None]
