"""Crowded scenes as pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ..shapes import SHAPES, colour_table, shape_distance
from .scene import Ground, Scene, Thing

REACH = 1.2  # of every shape, in radii, with the soft edge
CORE = 0.45  # radius of a cored thing's core, in radii
BANDS = 3.0  # stripes of a striped thing, per radius
ALL_SHAPES = range(len(SHAPES))
Window = tuple[slice, slice]


def window_of(thing: Thing, side: int) -> Window:
    """Rows and columns of the picture that a thing can touch."""
    extent = thing.radius * REACH + 1

    def span(centre: float) -> slice:
        return slice(max(0, int(centre - extent)), min(side, math.ceil(centre + extent)))

    return span(thing.y), span(thing.x)


def part_of(picture: Tensor, window: Window) -> Tensor:
    """(3, h, w) view of a picture (3, H, W)."""
    rows, columns = window
    return picture[:, rows, columns]


def points_of(thing: Thing, window: Window) -> Tensor:
    """(h, w, 2) the window's pixels as (x, y) from the thing's centre, in radii."""
    rows, columns = (torch.arange(part.start, part.stop) + 0.5 for part in window)
    y, x = (rows - thing.y) / thing.radius, (columns - thing.x) / thing.radius
    return torch.stack((x.expand(len(y), -1), y[:, None].expand(-1, len(x))), dim=-1)


def cover(thing: Thing, window: Window) -> Tensor:
    """(h, w) float32 in [0, 1]: how much of each pixel the thing covers."""
    return covers(thing, window, (thing.shape,))[0]


def covers(thing: Thing, window: Window, shapes: Sequence[int] = ALL_SHAPES) -> Tensor:
    """(shapes, h, w) float32 in [0, 1]: ``cover`` if the thing had each of these shapes."""
    points = points_of(thing, window)
    distances = shape_distance(torch.tensor(shapes), points.expand(len(shapes), *points.shape))
    return (0.5 - distances * thing.radius).clamp(0, 1)


def paint(thing: Thing, window: Window) -> Tensor:
    """(3, h, w) or (3, 1, 1) float32: the thing's colours, wherever it is."""
    colours = colour_table()
    main, second = colours[thing.colour][:, None, None], colours[thing.second][:, None, None]
    if thing.pattern == "plain":
        return main
    points = points_of(thing, window)
    along = points[..., 0] * math.cos(thing.angle) + points[..., 1] * math.sin(thing.angle)
    if thing.pattern == "shaded":
        return (main * (0.85 + 0.3 * along)).clamp(0, 1)
    if thing.pattern == "striped":
        share = (torch.sin(along * BANDS * math.pi / 2) - 0.4) * thing.radius / BANDS
    else:
        share = (CORE - points.norm(dim=-1)) * thing.radius
    return torch.lerp(main, second, (share + 0.5).clamp(0, 1))


def draw_ground(ground: Ground, side: int) -> Tensor:
    """(3, side, side) float32 in [0, 1]."""
    size = (side, side)
    corners = torch.tensor(ground.corners).T.reshape(1, 3, 2, 2)
    picture = functional.interpolate(corners, size=size, mode="bilinear", align_corners=True)[0]
    generator = torch.Generator().manual_seed(ground.seed)
    if ground.grain:
        lattice = torch.randn(1, 3, ground.cells, ground.cells, generator=generator)
        lattice = 0.7 * lattice.mean(1, keepdim=True) * math.sqrt(3) + 0.5 * lattice
        noise = functional.interpolate(lattice, size=size, mode="bicubic", align_corners=True)
        picture = picture + ground.grain * noise[0]
    if ground.stripes:
        angle, phase = (torch.rand(2, generator=generator) * 2 * math.pi).tolist()
        axis = torch.arange(side) / side
        along = axis * math.cos(angle) + axis[:, None] * math.sin(angle)
        picture = picture + ground.stripes * torch.sin(along * 8 * math.pi + phase)
    return picture.clamp(0, 1)


def draw_things(scene: Scene, ground: Tensor) -> Tensor:
    """The scene's things on a ground (3, side, side), which stays as it is."""
    picture = ground.clone()
    for thing in scene.things:
        window = window_of(thing, scene.side)
        part = part_of(picture, window)
        part.copy_(torch.lerp(part, paint(thing, window), cover(thing, window)))
    return picture


def draw(scene: Scene) -> Tensor:
    """(3, side, side) float32 in [0, 1]."""
    return draw_things(scene, draw_ground(scene.ground, scene.side))


def silhouette(thing: Thing, side: int) -> Tensor:
    """(side, side) bool: pixels at least half covered by the thing, were it alone."""
    window, mask = window_of(thing, side), torch.zeros(side, side, dtype=torch.bool)
    mask[window] = cover(thing, window) >= 0.5
    return mask


def visible_masks(scene: Scene) -> Tensor:
    """(N, side, side) bool: what can be seen of each thing; later things hide earlier ones."""
    masks = [silhouette(thing, scene.side) for thing in scene.things]
    hidden = torch.zeros(scene.side, scene.side, dtype=torch.bool)
    seen: list[Tensor] = []
    for mask in reversed(masks):
        seen.insert(0, mask & ~hidden)
        hidden |= mask
    return torch.stack(seen) if seen else hidden[None][:0]
