"""One picture of a benchmark, in one form for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..leak.conflicts import bounding_box


@dataclass(frozen=True)
class BenchmarkItem:
    """A picture with its N instances.

    Attributes:
        name: its id.
        picture: (1, H, W, 3) float in [0, 1], sides multiples of 16.
        masks: (N, H, W) float, 0 or 1, none of them empty.
        instructions: one per instance.
        sources, targets: what each instance is and becomes, N words or texts each; ``sources`` is
            empty where the benchmark names none.
        joined: all edits in one prompt; "" for the instructions in a row.
        turns: one prompt per turn; not always one per instance.
        caption: the edited picture in words, for CLIP scores; "" for the targets in a row.
        wanted: (1, H, W, 3) of the picture as it should become, where the benchmark has one.
    """

    name: str
    picture: Tensor
    masks: Tensor
    instructions: tuple[str, ...]
    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    joined: str = ""
    turns: tuple[str, ...] = ()
    caption: str = ""
    wanted: Tensor | None = field(default=None)

    @property
    def boxes(self) -> tuple[tuple[int, ...], ...]:
        """[x1, y1, x2, y2] in pixels around each mask, right and lower edge exclusive."""
        return tuple(tuple(bounding_box(mask)) for mask in self.masks)


Items = Mapping[str, Callable[[], BenchmarkItem]]
"""What loads each item, by its id, in the benchmark's order."""


def box_masks(boxes: list[list[float]], height: int, width: int) -> Tensor:
    """(N, H, W) masks of [x1, y1, x2, y2] in fractions; IDAttn's floor and ceil, on pixels."""
    masks = torch.zeros(len(boxes), height, width)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        left, top = (max(0, int(value)) for value in (x1 * width, y1 * height))
        right, bottom = (-int(-value // 1) for value in (x2 * width, y2 * height))
        mask[top:bottom, left:right] = 1
    return masks
