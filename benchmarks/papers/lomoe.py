"""Read LoMOE-Bench, or MICE-Bench in the same form, from disk.

``LoMOE.json`` maps an id to ``image_path``, ``mask_path`` (quoted paths with spaces in between, one
per instance), ``fg_prompt`` (quoted targets), ``source_prompt`` (quoted sources, MICE-Bench),
``edit_inst_single`` (one instruction for everything) and ``edit_inst_multi`` (one per turn).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

AREA = 1024 * 1024
MULTIPLE = 16
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
        ValueError: no such file, a picture or mask that is missing, empty masks, or lists of
            different lengths.
    """
    path = folder / "LoMOE.json"
    if not path.is_file():
        raise ValueError(f"the benchmark's folder must hold LoMOE.json, got {folder}.")
    entries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return [load_item(folder, name, entry, area) for name, entry in entries.items()]


def load_item(folder: Path, name: str, entry: Mapping[str, Any], area: int = AREA) -> BenchmarkItem:
    """One item; see ``load_benchmark``."""
    masks, targets = quoted(entry["mask_path"]), quoted(entry["fg_prompt"])
    sources = quoted(entry.get("source_prompt", ""))
    if not masks or len(targets) != len(masks) or len(sources) not in (0, len(masks)):
        raise ValueError(
            f"item {name} must have one target, and one source or none, per mask; got "
            f"{len(masks)} mask(s), {len(targets)} target(s) and {len(sources)} source(s). "
            "Correct LoMOE.json."
        )
    picture = _open(folder / entry["image_path"], name).convert("RGB")
    width, height = fitted_size(*picture.size, area)
    pixels = np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))
    return BenchmarkItem(
        name=name,
        picture=torch.from_numpy(pixels.copy())[None].float() / 255,
        masks=torch.stack([load_mask(folder / mask, name, (width, height)) for mask in masks]),
        sources=sources,
        targets=targets,
        joined=str(entry.get("edit_inst_single", "")),
        turns=quoted(entry.get("edit_inst_multi", "")),
    )


def load_mask(path: Path, name: str, size: tuple[int, int]) -> Tensor:
    """(H, W) float: 1 where the file is brighter than 127, resized to (width, height)."""
    picture = _open(path, name).convert("L").resize(size, Image.Resampling.NEAREST)
    inside = np.asarray(picture) > 127
    if not inside.any():
        raise ValueError(f"item {name}: mask {path} is empty. Remove or redraw it.")
    return torch.from_numpy(inside.astype(np.float32))


def fitted_size(width: int, height: int, area: int = AREA) -> tuple[int, int]:
    """(width, height) of about ``area`` pixels in the same proportion, floored to MULTIPLE."""
    scale = math.sqrt(area / (width * height))
    sides = (round(side * scale) // MULTIPLE * MULTIPLE for side in (width, height))
    fitted_width, fitted_height = (max(side, MULTIPLE) for side in sides)
    return fitted_width, fitted_height


def quoted(text: str) -> tuple[str, ...]:
    """The quoted parts of a text: '"a cat" "a dog"' -> ("a cat", "a dog"); bare text is one."""
    found = tuple(QUOTED.findall(text))
    return found or ((text.strip(),) if text.strip() else ())


def _open(path: Path, name: str) -> Image.Image:
    if not path.is_file():
        raise ValueError(f"item {name}: {path} is missing. Unpack the whole benchmark.")
    return Image.open(path)
