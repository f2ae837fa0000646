"""Training folders: samples are found, read and cropped; what cannot be right is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from instance_edit.mask_ops.training_folder import find_samples, read_sample

BOX = {"kind": "box", "op": "add", "box": [0.25, 0.25, 0.75, 0.75]}
ONE = {"instruction": "make it red", "shapes": [BOX]}


def write_sample(folder: Path, name: str = "cat", size: tuple[int, int] = (48, 32)) -> None:
    """A grey picture, a white edited one, and a box with an instruction."""
    folder.mkdir(exist_ok=True)
    Image.new("RGB", size, "grey").save(folder / f"{name}.png")
    Image.new("RGB", size, "white").save(folder / f"{name}.edited.png")
    write_regions(folder, ONE, name)


def write_regions(folder: Path, *instances: dict[str, object], name: str = "cat") -> None:
    text = json.dumps({"version": 1, "instances": list(instances)})
    (folder / f"{name}.regions.json").write_text(text, encoding="utf-8")
