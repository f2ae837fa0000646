"""The editing jobs that are measured: N boxes on a picture, one short prompt each."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...attention.tokens import Grid, TokenLayout
from ...mask_ops.boxes import Box, box_to_grid

GLOBAL_WORDS = 20
INSTANCE_WORDS = 10
BOX_SIDE = 2 / 3


def job_boxes(instances: int) -> list[Box]:
    """N boxes in the cells of a square raster.

    Every box has two thirds of its cell's sides, so that together they cover up to 44 %.
    """
    side = math.ceil(math.sqrt(max(1, instances)))
    margin = (1 - BOX_SIDE) / 2 / side
    return [
        Box(x / side + margin, y / side + margin, (x + 1) / side - margin, (y + 1) / side - margin)
        for y, x in (divmod(n, side) for n in range(instances))
    ]


def job_masks(instances: int, grid: Grid) -> Tensor:
    """(N, h, w) bool token masks of ``job_boxes``."""
    masks = [box_to_grid(box, grid) for box in job_boxes(instances)]
    return torch.stack(masks) if masks else torch.zeros(0, *grid, dtype=torch.bool)


def job_layout(
    instances: int, grid: Grid, references: int = 1, words: int = INSTANCE_WORDS
) -> TokenLayout:
    """The joint sequence: a global prompt, N prompts, the latent and references as large."""
    lengths = (GLOBAL_WORDS, *[words] * instances)
    return TokenLayout(lengths, grid, (grid,) * references)
