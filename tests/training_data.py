"""Folders of training samples, as `docs/training.md` describes them."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

BOX = (0.25, 0.25, 0.75, 0.75)


def write_sample(
    folder: Path, name: str, size: tuple[int, int] = (48, 32), instruction: str = "make it red"
) -> None:
    """A grey picture (width, height), a white edited one, and a box with an instruction."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "grey").save(folder / f"{name}.png")
    Image.new("RGB", size, "white").save(folder / f"{name}.edited.png")
    write_regions(folder, name, instruction)


def write_regions(
    folder: Path,
    name: str,
    *instructions: str,
    box: tuple[float, ...] = BOX,
    reference: int | None = None,
) -> None:
    """The sample's regions, one box with each instruction."""
    shapes = [{"kind": "box", "op": "add", "box": list(box)}]
    instances = [
        {"instruction": text, "shapes": shapes, "reference": reference} for text in instructions
    ]
    text = json.dumps({"version": 1, "instances": instances})
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
