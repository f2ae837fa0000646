"""The leak benchmark's scenes: instances of one class with instructions that contradict."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...demo.instructions import Clause, phrase, prompt
from ...demo.scenes import (
    CELLS,
    Edits,
    Scenes,
    apply_edits,
    concatenate,
    object_masks,
    render,
    sample_scenes,
)
from ...demo.shapes import COLOUR_NAMES, SHAPES
from ...evaluation.metrics import grow_masks, outside

SEED = 90_000
BYSTANDERS = 3
MASK_MARGIN = 6
BACKGROUND_MARGIN = 6


@dataclass(frozen=True)
class LeakScene:
    """One scene and what its N instances shall become.

    Attributes:
        scenes, edits: batches of one.
        cells: (N,) int64 cell of each instance, in random order.
        clauses: one per instance, by class alone: every one of them fits every instance.
    """

    scenes: Scenes
    edits: Edits
    cells: Tensor
    clauses: tuple[Clause, ...]

    @property
    def instructions(self) -> list[str]:
        """One instruction per instance, e.g. "replace the circle with a red square"."""
        return [phrase(clause) for clause in self.clauses]

    @property
    def joined(self) -> str:
        """All instructions in one prompt."""
        return prompt(self.clauses)

    @property
    def joined_with_locations(self) -> str:
        """The same with the place of each instance: "replace the circle at top left with .."."""
        places = zip(self.clauses, self.cells.tolist(), strict=True)
        return prompt([replace(clause, location=cell) for clause, cell in places])

    @property
    def picture(self) -> Tensor:
        """(1, 3, 144, 144) the source."""
        return render(self.scenes)

    @property
    def wanted(self) -> Tensor:
        """(1, 3, 144, 144) a perfect result."""
        return render(apply_edits(self.scenes, self.edits))

    @property
    def silhouettes(self) -> Tensor:
        """(1, N, 144, 144) bool, the exact pixels of each instance in the source."""
        return object_masks(self.scenes)[:, self.cells]

    @property
    def masks(self) -> Tensor:
        """(1, N, 144, 144) bool: silhouettes grown by MASK_MARGIN, as one would paint them."""
        return grow_masks(self.silhouettes, MASK_MARGIN)

    @property
    def boxes(self) -> list[list[int]]:
        """[x1, y1, x2, y2] in pixels around each silhouette, as a detector would give them."""
        return [bounding_box(mask) for mask in self.silhouettes[0]]

    @property
    def background(self) -> Tensor:
        """(1, 144, 144) bool: away from the instances as they are and as they shall become."""
        after = object_masks(apply_edits(self.scenes, self.edits))[:, self.cells]
        return outside(torch.cat([self.silhouettes, after], dim=1), BACKGROUND_MARGIN)


def leak_scenes(instances: int, count: int, seed: int = SEED) -> list[LeakScene]:
    """``count`` scenes with ``instances`` (1..9) objects of one class; always the same of a seed.

    One instance makes a single edit that nothing can mistake. One to three objects of other
    classes stand by (none at N = 9). Targets are all different, of another class than the
    instances and of another colour than their own. Places, sizes and backgrounds are continuous
    and the default seed is used nowhere else: no scene was trained on.
    """
    if not 1 <= instances <= CELLS:
        raise ValueError(f"instances must be 1 to {CELLS}, got {instances}.")
    generator = torch.Generator().manual_seed(seed + instances)
    rng = random.Random(seed + instances)
    most = min(CELLS, instances + BYSTANDERS)
    scenes = sample_scenes(count, generator, min(CELLS, instances + 1), most, same_shape=instances)
    return [_conflict(scenes[slice(i, i + 1)], instances, rng) for i in range(count)]


def _conflict(scene: Scenes, instances: int, rng: random.Random) -> LeakScene:
    """One instruction per object of the class that stands ``instances`` times."""
    shapes = scene.shape[0].tolist()
    common = next(shape for shape in shapes if shape >= 0 and shapes.count(shape) == instances)
    cells = [cell for cell in range(CELLS) if shapes[cell] == common]
    rng.shuffle(cells)
    others = [shape for shape in range(len(SHAPES)) if shape != common]
    pairs = [(shape, colour) for shape in others for colour in range(len(COLOUR_NAMES))]
    colours = scene.colour[0, cells].tolist()
    targets = rng.sample(pairs, instances)
    while any(target[1] == own for target, own in zip(targets, colours, strict=True)):
        targets = rng.sample(pairs, instances)
    shape, colour = torch.full((1, CELLS), -1), torch.full((1, CELLS), -1)
    shape[0, cells] = torch.tensor([target[0] for target in targets])
    colour[0, cells] = torch.tensor([target[1] for target in targets])
    clauses = tuple(Clause(common, None, None, *target) for target in targets)
    return LeakScene(scene, Edits(shape, colour), torch.tensor(cells), clauses)


def bounding_box(mask: Tensor) -> list[int]:
    """[x1, y1, x2, y2] of a (H, W) mask in pixels; the end is not included."""
    rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
    if not len(rows):
        raise ValueError("the mask is empty: it has no bounding box.")
    return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]


def join_edits(parts: Sequence[LeakScene]) -> tuple[Scenes, Edits]:
    """The scenes and edits of several leak scenes as one batch."""
    edits = [part.edits for part in parts]
    shape, colour = torch.cat([e.shape for e in edits]), torch.cat([e.colour for e in edits])
    return concatenate([part.scenes for part in parts]), Edits(shape, colour)
