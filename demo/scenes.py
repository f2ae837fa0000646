"""Procedural scenes: 144 x 144 pixels in 3 x 3 cells, at most one flat shape in each, on a muted
gradient.

Everything is batched (B scenes, 9 cells in reading order) and seeded by the caller's generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional

from .shapes import COLOUR_NAMES, SHAPES, colour_table, shape_distance

CELL = 48  # pixels
GRID = 3
CANVAS = CELL * GRID
LARGEST = 192  # pixels along a side of the largest pictures that the miniature was trained on
CELLS = GRID * GRID
RADIUS = 18.0  # pixels; one of those that the miniature was trained on


@dataclass(frozen=True)
class Scenes:
    """A batch of scenes.

    Attributes:
        shape, colour: (B, 9) int64 indices into SHAPES and COLOUR_NAMES; -1 is an empty cell.
        centre: (B, 9, 2) float, (x, y) in pixels.
        radius: (B, 9) float, in pixels.
        corners: (B, 4, 3) float, the background's colours at the picture's corners.
    """

    shape: Tensor
    colour: Tensor
    centre: Tensor
    radius: Tensor
    corners: Tensor

    def __len__(self) -> int:
        return self.shape.shape[0]

    def __getitem__(self, index: slice | Tensor) -> Scenes:
        return Scenes(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def to(self, device: torch.device | str) -> Scenes:
        """The same scenes on another device."""
        return Scenes(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


@dataclass(frozen=True)
class Edits:
    """What each cell's object shall become.

    Attributes:
        shape, colour: (B, 9) int64 indices into SHAPES and COLOUR_NAMES; -1 stays as it is.
    """

    shape: Tensor
    colour: Tensor


def concatenate(parts: Sequence[Scenes]) -> Scenes:
    """Several batches as one."""
    return Scenes(
        **{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Scenes)}
    )


def sample_scenes(
    count: int,
    generator: torch.Generator,
    min_objects: int = 2,
    max_objects: int = 9,
    same_shape: int = 0,
) -> Scenes:
    """``count`` random scenes.

    Args:
        min_objects, max_objects: 1 <= min <= max <= 9 objects in each.
        same_shape: so many objects are of one class and all others of other classes; 0: by chance.

    Raises:
        ValueError: numbers that do not fit together.
    """
    if not 1 <= min_objects <= max_objects <= CELLS or same_shape > max_objects:
        raise ValueError(
            f"objects per scene must satisfy 1 <= min <= max <= {CELLS} and same_shape <= max; "
            f"got min {min_objects}, max {max_objects}, same_shape {same_shape}"
        )
    # Which object gets which cell: (B, 9), a permutation in every scene.
    rank = _uniform(generator, count, CELLS).argsort(dim=1).argsort(dim=1)
    objects = _integers(generator, max_objects - min_objects + 1, count, 1) + min_objects
    empty = rank >= objects.clamp(min=same_shape)
    shape = _sample_shapes(rank, same_shape, generator)
    base = _uniform(generator, count, 1, 1, low=0.3, high=0.5)
    corners = base + _uniform(generator, count, 4, 3, low=-0.09, high=0.09)
    colour = _integers(generator, len(COLOUR_NAMES), count, CELLS)
    middle = (torch.arange(GRID) + 0.5) * CELL
    middles = torch.stack(torch.meshgrid(middle, middle, indexing="xy"), dim=-1).reshape(CELLS, 2)
    return Scenes(
        shape=shape.masked_fill(empty, -1),
        colour=colour.masked_fill(empty, -1),
        centre=middles.expand(count, -1, -1).clone(),
        radius=torch.full((count, CELLS), RADIUS),
        corners=corners,
    )


def _sample_shapes(rank: Tensor, same_shape: int, generator: torch.Generator) -> Tensor:
    """(B, 9) classes, those of the first ``same_shape`` objects alike and of no other object."""
    count = len(rank)
    shape = _integers(generator, len(SHAPES), count, CELLS)
    if not same_shape:
        return shape
    common = _integers(generator, len(SHAPES), count, 1)
    other = (common + 1 + _integers(generator, len(SHAPES) - 1, count, CELLS)) % len(SHAPES)
    return torch.where(rank < same_shape, common, other)


def _uniform(generator: torch.Generator, *size: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    return torch.rand(size, generator=generator) * (high - low) + low


def _integers(generator: torch.Generator, high: int, *size: int) -> Tensor:
    return torch.randint(high, size, generator=generator)


def apply_edits(scenes: Scenes, edits: Edits) -> Scenes:
    """The target scenes: edited objects keep centre and radius, everything else stays."""
    edited = (edits.shape >= 0) & (scenes.shape >= 0)
    return replace(
        scenes,
        shape=torch.where(edited, edits.shape, scenes.shape),
        colour=torch.where(edited, edits.colour, scenes.colour),
    )


def coverage(scenes: Scenes, shape: Tensor) -> Tensor:
    """(B, 9, 48, 48) in [0, 1]: anti-aliased coverage of each cell by a shape at the scene's place.

    Args:
        shape: (B, 9) int64, -1 covers nothing.
    """
    device = scenes.radius.device
    pixel = torch.arange(CELL, device=device) + 0.5
    local = torch.stack(torch.meshgrid(pixel, pixel, indexing="xy"), dim=-1)  # (48, 48, 2) x, y
    centre = scenes.centre.flatten(0, 1) % CELL
    radius = scenes.radius.flatten()[:, None, None]
    points = (local - centre[:, None, None]) / radius[..., None]
    distance = shape_distance(shape.flatten().clamp(min=0), points) * radius
    drawn = (0.5 - distance).clamp(0, 1) * (shape.flatten() >= 0)[:, None, None]
    return drawn.reshape(*shape.shape, CELL, CELL)


def to_canvas(cells: Tensor) -> Tensor:
    """(B, C, 9, 48, 48) cell pictures -> (B, C, 144, 144)."""
    batch, channels = cells.shape[:2]
    tiles = cells.reshape(batch, channels, GRID, GRID, CELL, CELL)
    return tiles.transpose(3, 4).reshape(batch, channels, CANVAS, CANVAS)


def to_cells(image: Tensor) -> Tensor:
    """(B, C, 144, 144) -> (B, C, 9, 48, 48), the inverse of to_canvas."""
    batch, channels = image.shape[:2]
    tiles = image.reshape(batch, channels, GRID, CELL, GRID, CELL).transpose(3, 4)
    return tiles.reshape(batch, channels, CELLS, CELL, CELL)


def render_background(scenes: Scenes) -> Tensor:
    """(B, 3, 144, 144) float32: the bilinear gradient between the four corner colours."""
    corners = scenes.corners.transpose(1, 2).reshape(-1, 3, 2, 2)
    return functional.interpolate(
        corners, size=(CANVAS, CANVAS), mode="bilinear", align_corners=True
    )


def render(scenes: Scenes) -> Tensor:
    """(B, 3, 144, 144) float32 in [0, 1]."""
    alpha = to_canvas(coverage(scenes, scenes.shape)[:, None])
    colours = colour_table().to(scenes.colour.device)[scenes.colour.clamp(min=0)]  # (B, 9, 3)
    flat = to_canvas(colours.transpose(1, 2)[..., None, None].expand(-1, -1, -1, CELL, CELL))
    return torch.lerp(render_background(scenes), flat, alpha)


def object_masks(scenes: Scenes) -> Tensor:
    """(B, 9, 144, 144) bool: pixels at least half covered by each object; none of an empty cell."""
    inside = coverage(scenes, scenes.shape) >= 0.5  # (B, 9, 48, 48)
    return to_canvas(inside[:, None]) & cell_masks().to(inside.device)


def cell_masks() -> Tensor:
    """(9, 144, 144) bool: the pixels of each cell in reading order."""
    cell = torch.arange(CELLS)[None, None, :, None, None].expand(1, 1, CELLS, CELL, CELL)
    return to_canvas(cell)[0] == torch.arange(CELLS)[:, None, None]
