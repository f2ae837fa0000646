"""LoMOE-Bench, and MICE-Bench in the same form.

``LoMOE.json`` maps an id, a number, to ``image_path``, ``mask_path`` (quoted paths with spaces in
between, one per instance), ``fg_prompt`` (quoted targets), ``edit_inst_single`` (one instruction
for everything), ``edit_inst_multi`` (one per turn), and in MICE-Bench ``source_prompt`` (quoted
sources). LoMOE-Bench keeps its words in text files instead, whose line i belongs to the i-th id:
``utils/mask_orig_prompts.txt`` (quoted sources), ``utils/text_prompts.txt`` (quoted targets),
``utils/target_prompts.txt`` (the whole edited picture, for CLIP scores). From the loaders and the
evaluation that MICE, IDAttn and LoMOE released; like MICE's, "the" is put before MICE-Bench's
sources and not before LoMOE-Bench's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from .files import (
    fitted_picture,
    hard_mask,
    mapping,
    open_inside,
    quoted,
    read_json,
    text_of,
)
from .item import BenchmarkItem, Items

FILE = "LoMOE.json"
LINES = {
    "sources": "utils/mask_orig_prompts.txt",
    "targets": "utils/text_prompts.txt",
    "caption": "utils/target_prompts.txt",
}
TEMPLATE, WITH_ARTICLE = "Replace the {} with {}", "Replace {} with {}"


@dataclass(frozen=True)
class Words:
    """What the text files say of one item; "" where they do not."""

    sources: str = ""
    targets: str = ""
    caption: str = ""


def lomoe_items(folder: Path, area: float) -> Items:
    """Every item of ``folder/LoMOE.json``, in the order of the file.

    Args:
        area: pixels of each picture, about.

    Raises:
        ValueError: no such file or no JSON of items in it, or a text file with another number of
            lines; when an item is loaded: a key that is missing or no text, a picture or mask that
            is missing, outside the folder or no picture, empty masks, lists of different lengths.
    """
    entries = mapping(read_json(folder / FILE, "LoMOE-Bench or MICE-Bench"), FILE, FILE)
    words = read_words(folder, list(entries))
    return {
        name: partial(load_item, folder, name, entry, words.get(name, Words()), area)
        for name, entry in entries.items()
    }


def read_words(folder: Path, names: list[str]) -> dict[str, Words]:
    """The lines of the text files by id; none of the first two files: no words.

    Raises:
        ValueError: only one of the first two is there, ids that are no numbers, or a file with
            another number of lines.
    """
    lines = {key: _lines(folder / path) for key, path in LINES.items()}
    if lines["sources"] is None and lines["targets"] is None:
        return {}
    for key in ("sources", "targets"):
        if lines[key] is None:
            raise ValueError(f"{folder / LINES[key]} is missing. Unpack the whole benchmark.")
    if not all(name.isdecimal() for name in names):
        raise ValueError(f"the ids in {FILE} must be numbers, got {names[:3]}. Correct {FILE}.")
    for key, found in lines.items():
        if found is not None and len(found) != len(names):
            raise ValueError(
                f"{LINES[key]} must have a line for each of the {len(names)} items of {FILE}, got "
                f"{len(found)}. Unpack the whole benchmark."
            )
    given = {key: found for key, found in lines.items() if found is not None}
    ordered = sorted(names, key=int)
    return {
        name: Words(**{key: found[line] for key, found in given.items()})
        for line, name in enumerate(ordered)
    }


def _lines(path: Path) -> list[str] | None:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else None


def load_item(folder: Path, name: str, entry: object, words: Words, area: float) -> BenchmarkItem:
    """One item; see ``lomoe_items``."""
    known = mapping(entry, f"item {name}", FILE)
    paths = quoted(text_of(known, "mask_path", name, FILE))
    targets = quoted(words.targets or text_of(known, "fg_prompt", name, FILE))
    sources = quoted(words.sources or text_of(known, "source_prompt", name, FILE, ""))
    if not paths or len(targets) != len(paths) or len(sources) not in (0, len(paths)):
        raise ValueError(
            f"item {name} must have one target, and one source or none, per mask; got "
            f"{len(paths)} mask(s), {len(targets)} target(s) and {len(sources)} source(s). "
            f"Correct {FILE}."
        )
    opened = open_inside(folder, text_of(known, "image_path", name, FILE), name, FILE)
    picture = fitted_picture(opened, area)
    size = (picture.shape[2], picture.shape[1])
    masks = [hard_mask(open_inside(folder, p, name, FILE), size, name, p) for p in paths]
    return BenchmarkItem(
        name=name,
        picture=picture,
        masks=torch.stack(masks),
        instructions=instructions(sources, targets, WITH_ARTICLE if words.sources else TEMPLATE),
        sources=sources,
        targets=targets,
        joined=text_of(known, "edit_inst_single", name, FILE, ""),
        turns=quoted(text_of(known, "edit_inst_multi", name, FILE, "")),
        caption=words.caption.strip(),
    )


def instructions(
    sources: tuple[str, ...], targets: tuple[str, ...], template: str
) -> tuple[str, ...]:
    """One per instance, in the papers' template; without sources "the object" is replaced."""
    pairs = zip(sources or ("object",) * len(targets), targets, strict=True)
    return tuple(template.format(source, target) for source, target in pairs)
