"""Read LoMOE-Bench, or MICE-Bench in the same form, from disk.

``LoMOE.json`` maps an id to ``image_path``, ``mask_path`` (quoted paths with spaces in between, one
per instance), ``fg_prompt`` (quoted targets), ``source_prompt`` (quoted sources, MICE-Bench),
``edit_inst_single`` (one instruction for everything) and ``edit_inst_multi`` (one per turn).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...tools.fleet.sizes import fitted_size

AREA = 1024 * 1024
QUOTED = re.compile(r'"([^"]*)"')


@dataclass(frozen=True)
class BenchmarkItem:
    """One picture of a benchmark with its N instances.

    Attributes:
        name: its id.
        picture: (1, H, W, 3) float in [0, 1], about AREA pixels, sides multiples of 16.
        masks: (N, H, W) float, 0 or 1.
        sources, targets: N words each; ``sources`` is empty where the file names none.
        joined: ``edit_inst_single``, or "".
        turns: ``edit_inst_multi``; not always one per instance.
    """

    name: str
    picture: Tensor
    masks: Tensor
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    joined: str
    turns: tuple[str, ...]

    @property
    def instructions(self) -> tuple[str, ...]:
        """One per instance: "Replace the {source} with {target}" (IDAttn's template)."""
        sources = self.sources or ("object",) * len(self.targets)
        pairs = zip(sources, self.targets, strict=True)
        return tuple(f"Replace the {source} with {target}" for source, target in pairs)


def load_benchmark(folder: Path, area: int = AREA) -> list[BenchmarkItem]:
    """Every item of ``folder/LoMOE.json``, in the order of the file.

    Raises:
        ValueError: no such file or no JSON of items in it, a key that is missing or no text, a
            picture or mask that is missing, outside the folder or no picture, empty masks, or lists
            of different lengths.
    """
    path = folder / "LoMOE.json"
    if not path.is_file():
        raise ValueError(f"the benchmark's folder must hold LoMOE.json, got {folder}.")
    try:
        entries: object = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} must be JSON: {error}. Unpack it again.") from error
    items = _mapping(entries, f"{path}")
    return [load_item(folder, name, _mapping(item, f"item {name}"), area)
            for name, item in items.items()]  # fmt: skip


def load_item(folder: Path, name: str, entry: Mapping[str, Any], area: int = AREA) -> BenchmarkItem:
    """One item; see ``load_benchmark``."""
    masks, targets = (quoted(_text(entry, key, name)) for key in ("mask_path", "fg_prompt"))
    sources = quoted(_text(entry, "source_prompt", name, ""))
    if not masks or len(targets) != len(masks) or len(sources) not in (0, len(masks)):
        raise ValueError(
            f"item {name} must have one target, and one source or none, per mask; got "
            f"{len(masks)} mask(s), {len(targets)} target(s) and {len(sources)} source(s). "
            "Correct LoMOE.json."
        )
    picture = _open(folder, _text(entry, "image_path", name), name).convert("RGB")
    width, height = fitted_size(*picture.size, area)
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))
    return BenchmarkItem(
        name=name,
        picture=torch.from_numpy(pixels.copy())[None].float() / 255,
        masks=torch.stack([load_mask(folder, mask, name, (width, height)) for mask in masks]),
        sources=sources,
        targets=targets,
        joined=_text(entry, "edit_inst_single", name, ""),
        turns=quoted(_text(entry, "edit_inst_multi", name, "")),
    )


def load_mask(folder: Path, path: str, name: str, size: tuple[int, int]) -> Tensor:
    """(H, W) float: 1 where the file is brighter than 127, resized to (width, height)."""
    picture = _open(folder, path, name).convert("L").resize(size, Image.Resampling.NEAREST)
    inside = np.asarray(picture) > 127
    if not inside.any():
        raise ValueError(f"item {name}: mask {path} is empty. Remove or redraw it.")
    return torch.from_numpy(inside.astype(np.float32))


def quoted(text: str) -> tuple[str, ...]:
    """The quoted parts of a text: '"a cat" "a dog"' -> ("a cat", "a dog"); bare text is one."""
    found = tuple(QUOTED.findall(text))
    return found or ((text.strip(),) if text.strip() else ())


def _open(folder: Path, path: str, name: str) -> Image.Image:
    """A picture of the benchmark; nothing outside its folder is opened, links followed."""
    found = (folder / path).resolve() if "\0" not in path else folder.parent
    if not found.is_relative_to(folder.resolve()):
        raise ValueError(
            f"item {name}: {path!r} must lie in {folder}, it leads out of it. Correct LoMOE.json."
        )
    if not found.is_file():
        raise ValueError(f"item {name}: {folder / path} is missing. Unpack the whole benchmark.")
    try:
        picture = Image.open(found)
        picture.load()
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"item {name}: {path} must be a picture: {error}. Replace it.") from error
    return picture


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(
            f"{name} must map names to values, got a {type(value).__name__}. Correct LoMOE.json."
        )
    return value


def _text(entry: Mapping[str, Any], key: str, name: str, default: str | None = None) -> str:
    value = entry.get(key, default)
    if not isinstance(value, str):
        came = f"got {value!r:.60}" if key in entry else "it is missing"
        raise ValueError(f"item {name}: '{key}' must be text, {came}. Correct LoMOE.json.")
    return value
