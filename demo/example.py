"""The demo's pictures: rendered scenes with three objects, their masks and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from .scenes import CELLS, RADIUS, Scenes, object_masks, render
from .shapes import COLOUR_NAMES, SHAPES

GROW = 15  # pixels: what an object becomes may need more room than what it was


@dataclass(frozen=True)
class Instance:
    """One object: where it is, what it is and what it becomes."""

    cell: int
    found: tuple[str, str]
    instruction: str


INSTANCES = (
    Instance(0, ("red", "circle"), "replace the red circle with a green star"),
    Instance(5, ("blue", "square"), "replace the blue square with an orange ring"),
    Instance(7, ("yellow", "triangle"), "replace the yellow triangle with a purple cross"),
)
# Alike: only its place tells which instruction is meant for which.
ALIKE = (
    Instance(0, ("red", "circle"), "replace the circle with a green star"),
    Instance(5, ("red", "circle"), "replace the circle with an orange ring"),
    Instance(7, ("red", "circle"), "replace the circle with a purple cross"),
)
SCENES = {"three shapes": INSTANCES, "three circles": ALIKE}


def first_scene(instances: tuple[Instance, ...] = INSTANCES) -> Scenes:
    """Three objects on a quiet ground, always the same."""
    shape, colour = torch.full((2, 1, CELLS), -1).unbind(0)
    for instance in instances:
        shape[0, instance.cell] = SHAPES.index(instance.found[1])
        colour[0, instance.cell] = COLOUR_NAMES.index(instance.found[0])
    middle = torch.tensor([24.0, 72.0, 120.0])
    centre = torch.stack(torch.meshgrid(middle, middle, indexing="xy"), dim=-1).reshape(1, CELLS, 2)
    corners = torch.tensor(
        [[[0.42, 0.4, 0.38], [0.36, 0.4, 0.44], [0.46, 0.42, 0.4], [0.4, 0.38, 0.42]]]
    )
    return Scenes(shape, colour, centre, torch.full((1, CELLS), RADIUS), corners)


def instance_masks(scene: Scenes) -> Tensor:
    """(N, 144, 144) float32, 1 on an instance's object and a little around it."""
    cells = [instance.cell for instance in INSTANCES]
    masks = object_masks(scene)[0, cells].float()
    return torch.nn.functional.max_pool2d(masks, GROW, stride=1, padding=GROW // 2)


def write_scene(folder: Path, side: int, instances: tuple[Instance, ...]) -> None:
    """Save the picture, `side` pixels square."""
    pixels = (render(first_scene(instances))[0].permute(1, 2, 0) * 255).round().byte().numpy()
    picture = Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS)
    picture.save(folder / "source.png")
