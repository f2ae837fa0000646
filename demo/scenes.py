"""Procedural scenes: 144 x 144 pixels, 3 x 3 cells, at most one flat shape per cell on a muted
gradient.

API (B scenes, 9 cells in reading order, everything seeded and batched):
- ``SHAPES``, ``COLOURS`` (name -> RGB 0-255), ``COLOUR_NAMES``, ``LOCATIONS`` (name of each cell).
- ``sample_scenes(count, generator, min_objects=2, max_objects=9, same_shape=0) -> Scenes``;
  ``same_shape=N`` gives
  exactly N objects of one class and lets every other object be of another class.
- ``Scenes``: ``shape`` and ``colour`` (B, 9) int64 (-1 = empty cell), ``centre`` (B, 9, 2) float
  pixels (x, y),
  ``radius`` (B, 9) float pixels, ``corners`` (B, 4, 3) background colours; ``len()``, indexing
  and ``to(device)``.
- ``render(scenes) -> (B, 3, 144, 144)`` float32 in [0, 1]; ``render_background`` the same without
  objects.
- ``object_masks(scenes) -> (B, 9, 144, 144)`` bool, the pixels of each object; ``cell_masks() ->
  (9, 144, 144)`` bool.
- ``Edits(shape, colour)``: (B, 9) int64, -1 = untouched; ``apply_edits(scenes, edits) -> Scenes``
  (centre, radius kept).
Words live in ``demo.instructions``: ``Clause``, ``phrase(clause)``, ``prompt(clauses)``,
``matches(scenes, b, clause)``, ``edits_of(scenes, clauses)`` and ``sample_clauses``. Which shape
and colour a picture shows: ``demo.matching.recognise``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor
from torch.nn import functional

from .shapes import COLOUR_NAMES, COLOURS, LOCATIONS, SHAPES, colour_table, shape_distance

__all__ = [
    "CANVAS",
    "CELL",
    "CELLS",
    "COLOURS",
    "COLOUR_NAMES",
    "LOCATIONS",
    "SHAPES",
    "Edits",
    "Scenes",
]

CELL = 48  # pixels
GRID = 3
CANVAS = CELL * GRID
CELLS = GRID * GRID
RADIUS = (14.0, 19.0)
JITTER = 3.0


@dataclass(frozen=True)
class Scenes:
    """A batch of scenes; the module docstring gives the shapes."""

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
    """What each cell's object shall become: (B, 9) int64 indices into SHAPES and COLOUR_NAMES,
    -1 = untouched.
    """

    shape: Tensor
    colour: Tensor


def concatenate(parts: list[Scenes]) -> Scenes:
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
    """``count`` random scenes with min_objects..max_objects objects, ``same_shape`` of them of
    one class (0: by chance).

    Raises ValueError unless 1 <= min_objects <= max_objects <= 9 and same_shape <= max_objects.
    """
    if not 1 <= min_objects <= max_objects <= CELLS or same_shape > max_objects:
        raise ValueError(
            f"objects per scene must satisfy 1 <= min <= max <= {CELLS} and same_shape <= max; "
            f"got min {min_objects}, max {max_objects}, same_shape {same_shape}"
        )

    def uniform(*size: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(size, generator=generator) * (high - low) + low

    def integers(high: int, *size: int) -> Tensor:
        return torch.randint(high, size, generator=generator)

    rank = (
        uniform(count, CELLS).argsort(dim=1).argsort(dim=1)
    )  # (B, 9) a permutation: which object gets which cell
    objects = integers(max_objects - min_objects + 1, count, 1) + min_objects
    objects = objects.clamp(min=same_shape)
    shape = integers(len(SHAPES), count, CELLS)
    if same_shape:
        common = integers(len(SHAPES), count, 1)
        other = (common + 1 + integers(len(SHAPES) - 1, count, CELLS)) % len(SHAPES)
        shape = torch.where(rank < same_shape, common, other)
    empty = rank >= objects
    middle = (torch.arange(GRID) + 0.5) * CELL
    middles = torch.stack(torch.meshgrid(middle, middle, indexing="xy"), dim=-1).reshape(
        1, CELLS, 2
    )
    base, tint = uniform(count, 1, 1, low=0.3, high=0.5), uniform(count, 4, 3, low=-0.09, high=0.09)
    return Scenes(
        shape=shape.masked_fill(empty, -1),
        colour=integers(len(COLOUR_NAMES), count, CELLS).masked_fill(empty, -1),
        centre=middles + uniform(count, CELLS, 2, low=-JITTER, high=JITTER),
        radius=uniform(count, CELLS, low=RADIUS[0], high=RADIUS[1]),
        corners=base + tint,
    )


def apply_edits(scenes: Scenes, edits: Edits) -> Scenes:
    """The target scenes: edited objects keep centre and radius, everything else is untouched."""
    edited = (edits.shape >= 0) & (scenes.shape >= 0)
    return replace(
        scenes,
        shape=torch.where(edited, edits.shape, scenes.shape),
        colour=torch.where(edited, edits.colour, scenes.colour),
    )


def coverage(scenes: Scenes, shape: Tensor) -> Tensor:
    """Anti-aliased coverage of each cell by the given shape (B, 9) at the scene's places -> (B,
    9, 48, 48) in [0, 1].
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
    """(B, 9, 144, 144) bool: pixels at least half covered by each object; all False for empty
    cells.
    """
    inside = coverage(scenes, scenes.shape) >= 0.5  # (B, 9, 48, 48)
    return to_canvas(inside[:, None]) & cell_masks().to(inside.device)


def cell_masks() -> Tensor:
    """(9, 144, 144) bool: the pixels of each cell in reading order."""
    cell = torch.arange(CELLS)[None, None, :, None, None].expand(1, 1, CELLS, CELL, CELL)
    return to_canvas(cell)[0] == torch.arange(CELLS)[:, None, None]
