"""Crello Edit: designs whose texts are translated, with the picture as it should become.

A JSON list (or an object by index) of samples, each with ``image_source``, ``image_target``
(paths in the folder), ``bboxes_xyxy_normalized``, ``text_source``, ``text_target`` (one per box),
``global_prompt``, ``id``, and perhaps ``valid_bboxes`` (true or false per box). That is what
``dataset_crello_from_json.py`` of IDAttn's released code reads; the data itself is not public,
and where its files lie is our choice: ``crello_test_filtered.json`` or else
``test_dataset.json``, paths from there or from ``images/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .files import (
    box_of,
    fitted_picture,
    list_of,
    mapping,
    open_inside,
    read_json,
    resized_picture,
    text_of,
)
from .item import BenchmarkItem, Items, box_masks
from .texts import TextEdit, text_instructions

FILES = ("crello_test_filtered.json", "test_dataset.json")
IMAGES = "images"


def crello_items(folder: Path, area: float) -> Items:
    """Every sample by its place in the file; see ``lomoe_items``.

    Raises:
        ValueError: as there.
    """
    file = next((name for name in FILES if (folder / name).is_file()), FILES[0])
    samples = read_json(folder / file, "Crello Edit")
    if isinstance(samples, list):
        samples = {str(number): sample for number, sample in enumerate(samples)}
    return {
        name: partial(load_sample, folder, file, name, sample, area)
        for name, sample in mapping(samples, file, file).items()
    }


def load_sample(folder: Path, file: str, name: str, sample: object, area: float) -> BenchmarkItem:
    """One sample; see ``crello_items``."""
    known = mapping(sample, f"item {name}", file)
    edits = read_edits(known, name, file)
    picture = fitted_picture(_opened(folder, known, "image_source", name, file), area)
    height, width = picture.shape[1:3]
    wanted = _opened(folder, known, "image_target", name, file)
    return BenchmarkItem(
        name=name,
        picture=picture,
        masks=box_masks([edit.box for edit in edits], height, width),
        instructions=text_instructions(edits),
        sources=tuple(edit.old for edit in edits),
        targets=tuple(edit.new for edit in edits),
        caption=text_of(known, "global_prompt", name, file, "").strip(),
        wanted=resized_picture(wanted, (width, height)),
    )


def read_edits(sample: Mapping[str, Any], name: str, file: str) -> list[TextEdit]:
    """The texts of the boxes that count.

    Raises:
        ValueError: lists of different lengths, or none that counts.
    """
    keys = ("bboxes_xyxy_normalized", "text_source", "text_target")
    boxes, old, new = (list_of(sample, key, name, file) for key in keys)
    valid = sample.get("valid_bboxes") or [True] * len(boxes)
    if not len(boxes) == len(old) == len(new) == len(valid):
        raise ValueError(
            f"item {name} must have one old and one new text per box, got {len(boxes)} box(es), "
            f"{len(old)} and {len(new)} text(s). Correct {file}."
        )
    edits = [
        TextEdit(box_of(box, name, file), str(before), str(after))
        for box, before, after, counts in zip(boxes, old, new, valid, strict=True)
        if counts
    ]
    if not edits:
        raise ValueError(f"item {name} has no text to change. Remove it from {file}.")
    return edits


def _opened(folder: Path, sample: Mapping[str, Any], key: str, name: str, file: str) -> Any:
    path = text_of(sample, key, name, file)
    beside = (folder / path).is_file() or not (folder / IMAGES / path).is_file()
    return open_inside(folder, path if beside else f"{IMAGES}/{path}", name, file)
