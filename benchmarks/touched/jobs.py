"""Editing jobs by the share of the picture that they touch: N boxes of whole tokens."""

from __future__ import annotations

import math

from ...mask_ops.boxes import Box
from ...mask_ops.regions import InstanceRegion


def raster(instances: int) -> tuple[int, int]:
    """(rows, columns) with exactly so many cells, as square as that goes."""
    rows = max(n for n in range(1, math.isqrt(instances) + 1) if instances % n == 0)
    return rows, instances // rows


def touching_boxes(instances: int, share: float, side: int) -> list[Box]:
    """N boxes, one in each cell of a raster, of whole tokens and so large that together they
    cover about ``share`` of a picture of ``side`` x ``side`` tokens."""
    rows, columns = raster(instances)
    top = [round(row * side / rows) for row in range(rows + 1)]
    left = [round(column * side / columns) for column in range(columns + 1)]
    area = share * side * side / instances
    height = max(1, round(math.sqrt(area * columns / rows)))
    width = max(1, round(area / height))
    return [
        Box(
            left[column] / side,
            top[row] / side,
            min(left[column] + width, left[column + 1]) / side,
            min(top[row] + height, top[row + 1]) / side,
        )
        for row in range(rows)
        for column in range(columns)
    ]


def touching_regions(instances: int, share: float, side: int) -> tuple[InstanceRegion, ...]:
    """The regions of ``touching_boxes``."""
    boxes = enumerate(touching_boxes(instances, share, side))
    return tuple(InstanceRegion(f"instruction {n}", box=box) for n, box in boxes)
