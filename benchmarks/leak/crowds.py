"""The crowded benchmark's scenes: apart, touching, nested, ten and more; textured pictures."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

from torch import Tensor

from ...demo.crowd.conflicts import (
    Conflict,
    conflict_apart,
    conflict_many,
    conflict_nested,
    conflict_touching,
)
from ...demo.crowd.drawing import draw, visible_masks
from ...demo.crowd.judge import background
from ...demo.crowd.seeds import CHOOSING, REPORT
from ...evaluation.metrics import grow_masks
from .conflicts import bounding_box

MASK_MARGIN = 8  # pixels of room around a silhouette
SEAM = 6  # pixels on either side of a mask's edge
SETS: dict[str, Callable[[random.Random], Conflict]] = {
    **{
        str(n): partial(conflict_apart, instances=n, bystanders=min(3, 9 - n)) for n in range(1, 10)
    },
    "touching 4": partial(conflict_touching, instances=4),
    "nested 4": partial(conflict_nested, instances=4),
    **{f"many {n}": partial(conflict_many, instances=n) for n in (10, 12, 14)},
}
REPORTED = ("1", "3", "5", "9", "touching 4", "nested 4", "many 12")
SEEDS = {"choosing": CHOOSING, "report": REPORT}
SPACING = 10_000  # seeds of one set


@dataclass(frozen=True)
class CrowdScene:
    """One conflict as pictures and masks of 192 x 192 pixels."""

    conflict: Conflict

    @cached_property
    def picture(self) -> Tensor:
        """(1, 3, 192, 192) the source."""
        return draw(self.conflict.scene)[None]

    @cached_property
    def wanted(self) -> Tensor:
        """(1, 3, 192, 192) a perfect result."""
        return draw(self.conflict.scene.edited(self.conflict.targets))[None]

    @cached_property
    def silhouettes(self) -> Tensor:
        """(1, N, 192, 192) bool, what can be seen of each instance, in the instructions' order."""
        return visible_masks(self.conflict.scene)[None, list(self.conflict.numbers)]

    @cached_property
    def masks(self) -> Tensor:
        """(1, N, 192, 192) bool: silhouettes with a little room, as one would paint them."""
        return grow_masks(self.silhouettes, MASK_MARGIN)

    @property
    def boxes(self) -> list[list[int]]:
        """[x1, y1, x2, y2] in pixels around what can be seen of each instance."""
        return [bounding_box(mask) for mask in self.silhouettes[0]]

    @cached_property
    def background(self) -> Tensor:
        """(1, 192, 192) bool: away from the instances as they are and as they shall become."""
        return background(self.conflict.scene, self.conflict.targets)[None]

    @cached_property
    def seam(self) -> Tensor:
        """(1, 192, 192) bool: along the masks' edges."""
        masks = self.masks.any(1, keepdim=True)
        return (grow_masks(masks, SEAM) & grow_masks(~masks, SEAM))[:, 0]


def instances_in(name: str) -> int:
    """How many instances a set's scenes have."""
    return int(name.split()[-1])


def crowd_scenes(name: str, count: int, seeds: str = "report") -> list[CrowdScene]:
    """``count`` scenes of a set; always the same, and others for each purpose.

    Args:
        name: one of SETS.
        seeds: one of SEEDS; settings are chosen on "choosing", figures come from "report".

    Raises:
        ValueError: an unknown name, or more scenes than there are seeds for a set.
    """
    if name not in SETS or seeds not in SEEDS:
        known = f"{', '.join(SETS)}; seeds {', '.join(SEEDS)}"
        raise ValueError(f"no scenes {name!r} of the seeds {seeds!r}; there are {known}.")
    if count > SPACING:
        raise ValueError(f"a set has {SPACING} scenes, {count} were asked for.")
    first = SEEDS[seeds].start + list(SETS).index(name) * SPACING
    return [CrowdScene(SETS[name](random.Random(first + index))) for index in range(count)]


def seam_error(result: Tensor, scene: CrowdScene) -> float:
    """Mean absolute difference, 0-255, of (3, 192, 192) from a perfect edit along all edges."""
    difference = (result - scene.wanted[0]).abs().mean(0)
    return float(difference[scene.seam[0]].mean() * 255)
