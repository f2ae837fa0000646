"""The visual vocabulary of the demo scenes: six shapes, eight colours, nine places.

``shape_distance`` looks signed distances up in an atlas computed once, which makes drawing a
batch of objects one ``grid_sample`` instead of six formulas per pixel.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

SHAPES: tuple[str, ...] = ("circle", "square", "triangle", "star", "cross", "ring")
COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 30, 40),
    "orange": (250, 135, 20),
    "yellow": (245, 225, 50),
    "green": (30, 160, 60),
    "cyan": (50, 210, 225),
    "blue": (35, 60, 220),
    "purple": (150, 40, 180),
    "white": (245, 245, 245),
}
COLOUR_NAMES: tuple[str, ...] = tuple(COLOURS)
LOCATIONS: tuple[str, ...] = (
    "top left",
    "top",
    "top right",
    "left",
    "center",
    "right",
    "bottom left",
    "bottom",
    "bottom right",
)
EXTENT = 1.7  # the atlas covers [-EXTENT, EXTENT] radii on both axes
RESOLUTION = 256


def colour_table() -> Tensor:
    """(8, 3) float32 in [0, 1], in the order of COLOUR_NAMES."""
    return torch.tensor([COLOURS[name] for name in COLOUR_NAMES], dtype=torch.float32) / 255.0


def polygon_distance(points: Tensor, vertices: Tensor) -> Tensor:
    """Signed distance (negative inside) of (..., 2) points to the polygon with (V, 2) vertices."""
    nearest = torch.full(points.shape[:-1], float("inf"))
    inside = torch.zeros(points.shape[:-1], dtype=torch.bool)
    for a, b in zip(vertices, vertices.roll(-1, 0), strict=True):
        edge, offset = b - a, points - a
        along = ((offset * edge).sum(-1) / (edge * edge).sum()).clamp(0, 1)
        nearest = torch.minimum(nearest, (offset - along[..., None] * edge).norm(dim=-1))
        crosses = (points[..., 1] >= a[1]) != (points[..., 1] >= b[1])
        left = (edge[0] * offset[..., 1] - edge[1] * offset[..., 0]) * torch.sign(edge[1]) > 0
        inside ^= crosses & left
    return torch.where(inside, -nearest, nearest)


def _star() -> Tensor:
    angles = torch.arange(10) * (math.pi / 5) - math.pi / 2
    radii = torch.tensor([1.08, 0.46]).repeat(5)
    return torch.stack((radii * angles.cos(), radii * angles.sin()), dim=-1)


def _cross(arm: float = 1.0, half: float = 0.33) -> Tensor:
    corner = [(-half, -arm), (half, -arm), (half, -half), (arm, -half), (arm, half), (half, half)]
    return torch.tensor(corner + [(-x, -y) for x, y in corner])


@lru_cache(maxsize=1)
def distance_atlas() -> Tensor:
    """(6, R, R) float32 signed distances in units of the radius, one plane per shape, y
    downwards.
    """
    axis = torch.linspace(-EXTENT, EXTENT, RESOLUTION)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    points = torch.stack((x, y), dim=-1)
    length = points.norm(dim=-1)
    box = points.abs() - 0.86
    square = box.clamp(min=0).norm(dim=-1) + box.amax(dim=-1).clamp(max=0)
    triangle = polygon_distance(points, torch.tensor([(0.0, -1.05), (1.0, 0.78), (-1.0, 0.78)]))
    star, cross = polygon_distance(points, _star()), polygon_distance(points, _cross())
    ring = (length - 0.74).abs() - 0.26
    return torch.stack((length - 1.0, square, triangle, star, cross, ring))


def shape_distance(shape: Tensor, points: Tensor) -> Tensor:
    """Signed distance of (M, P, Q, 2) points (x, y in radii) to shape (M,) int64 -> (M, P, Q)."""
    size = RESOLUTION
    planes = distance_atlas().to(points.device).reshape(1, 1, len(SHAPES) * size, size)
    column = points[..., 0].clamp(-EXTENT, EXTENT) / EXTENT
    row = (points[..., 1].clamp(-EXTENT, EXTENT) / EXTENT + 1) * ((size - 1) / 2)
    row = row + shape[:, None, None] * size
    row = row * (2 / (len(SHAPES) * size - 1)) - 1
    grid = torch.stack((column, row), dim=-1).flatten(0, 1)[None]  # (1, M*P, Q, 2)
    return functional.grid_sample(planes, grid, align_corners=True).reshape(points.shape[:-1])
