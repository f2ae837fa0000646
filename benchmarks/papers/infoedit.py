"""InfoEdit: infographics whose paragraphs are translated (its pictures are InfoDet's).

A JSON list of pictures, each with ``file_name``, perhaps ``image_id``, and ``paragraphs``, each
with ``text``, ``bbox`` ([x, y, width, height] in pixels) and the translation under
``text_LANGUAGE`` (such as ``text_french``) or ``translation``; paragraphs without one are left
alone. That is what ``infer_infodet.py`` of IDAttn's released code reads, from
``paragraph_level_CODE_merged.json`` or ``paragraph_level_CODE.json`` with CODE fr, de, it, es ..;
here every such file of the folder is read. Pictures lie in ``images/`` or in the folder itself
(our choice: the code is told where).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .files import box_of, fitted_picture, list_of, mapping, open_inside, read_json, text_of
from .item import BenchmarkItem, Items, box_masks
from .texts import TextEdit, text_instructions

FILES = re.compile(r"paragraph_level(?:_(?P<code>[a-z]{2}))?(?:_merged)?\.json")
IMAGES = "images"


def infoedit_items(folder: Path, area: float) -> Items:
    """Every picture in every language, as ``CODE/NUMBER``; see ``lomoe_items``.

    Raises:
        ValueError: as there.
    """
    if not folder.is_dir():
        raise ValueError(f"DATA={folder} must be the folder of InfoEdit; there is none.")
    names = sorted(path.name for path in folder.iterdir() if FILES.fullmatch(path.name))
    if not names:
        raise ValueError(
            "the folder of InfoEdit must hold paragraph_level_fr.json or the like, with other "
            f"languages beside it, got {folder}."
        )
    items: dict[str, Any] = {}
    for file in names:
        match = FILES.fullmatch(file)
        code = (match and match["code"]) or "one"
        pictures = read_json(folder / file, "InfoEdit")
        if not isinstance(pictures, list):
            raise ValueError(f"{file} must be a list of pictures. Unpack it again.")
        for number, picture in enumerate(pictures):
            name = f"{code}/{number}"
            items[name] = partial(load_picture, folder, file, name, picture, area)
    return items


def load_picture(folder: Path, file: str, name: str, entry: object, area: float) -> BenchmarkItem:
    """One picture in one language; see ``infoedit_items``."""
    known = mapping(entry, f"item {name}", file)
    path = text_of(known, "file_name", name, file)
    inside = path if not (folder / IMAGES / path).is_file() else f"{IMAGES}/{path}"
    opened = open_inside(folder, inside, name, file)
    edits = read_paragraphs(known, opened.size, name, file)
    picture = fitted_picture(opened, area)
    return BenchmarkItem(
        name=name,
        picture=picture,
        masks=box_masks([edit.box for edit in edits], *picture.shape[1:3]),
        instructions=text_instructions(edits),
        sources=tuple(edit.old for edit in edits),
        targets=tuple(edit.new for edit in edits),
    )


def read_paragraphs(
    entry: Mapping[str, Any], size: tuple[int, int], name: str, file: str
) -> list[TextEdit]:
    """The paragraphs that have a translation, their boxes as fractions of (width, height).

    Raises:
        ValueError: a paragraph of another form, or none with a translation.
    """
    edits: list[TextEdit] = []
    for paragraph in list_of(entry, "paragraphs", name, file):
        known = mapping(paragraph, f"item {name}: a paragraph", file)
        old, new = known.get("text"), translation_of(known)
        if not old or not new:
            continue
        x, y, width, height = box_of(known.get("bbox"), name, file)
        corners = (x / size[0], y / size[1], (x + width) / size[0], (y + height) / size[1])
        edits.append(TextEdit(list(corners), str(old), new))
    if not edits:
        raise ValueError(f"item {name} has no paragraph with a translation in {file}.")
    return edits


def translation_of(paragraph: Mapping[str, Any]) -> str:
    """The text in the other language; "" for none."""
    keys = [key for key in paragraph if key.startswith("text_")]
    found = (paragraph.get(key) for key in (*keys, "translation"))
    return next((str(text) for text in found if text), "")
