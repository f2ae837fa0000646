"""Masks without room: those whose outline runs along the edges of their object in the picture.

A mask alone cannot tell how near it lies to its object. The picture can, where the object stands
out from what is around it; where it does not, nothing is said.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from .findings import Finding, about
from .fit import same_shape
from .masks import grow_mask, inside_of
from .regions import InstanceRegion

BAND = 3
"""Pixels on either side of the outline in which an edge counts as on it."""
NEAR, FAR = 8, 16
"""Pixels outside of the mask between which its surroundings are looked at."""
FLOOR, STRONGER = 0.06, 1.5
"""A step of brightness or colour that counts as an edge: in 0 .. 1, and of what is usual around."""
USUAL = 0.75
HUGS = 0.7
"""Share of the outline from which on a mask is said to hug."""
LEAST = 32
"""Pixels that an outline and its surroundings must have to be judged."""


def find_tight(regions: Sequence[InstanceRegion], picture: Tensor) -> list[Finding]:
    """A finding for every mask that hugs its object.

    Args:
        picture: (H, W, 3) float in [0, 1].
    """
    found: list[Finding] = []
    for number, region in enumerate(regions, start=1):
        share = _hugging(region, picture)
        if share is None or share < HUGS:
            continue
        text = (
            f"hugs its object: {share:.0%} of its outline lies on an edge of the picture. A new "
            "subject of another shape finds no room, and more edits fail than with room around. "
            "Set 'grow' to 8 or more, or take method MICE (many instances)."
        )
        found += about(number, region, [("tight", text)])
    return found


def _hugging(region: InstanceRegion, picture: Tensor) -> float | None:
    size = (picture.shape[0], picture.shape[1])
    if region.mask is None or region.origin == "nowhere":
        return None
    inside = inside_of(region.mask)
    drawn = (inside.shape[0], inside.shape[1])
    if drawn != size:
        if not same_shape(drawn, size):
            return None
        inside = F.interpolate(inside[None, None].float(), size=size)[0, 0] > 0
    return outline_on_edges(inside, picture)


def outline_on_edges(mask: Tensor, picture: Tensor) -> float | None:
    """Share of a mask's outline that lies on edges which stand out from its surroundings.

    Args:
        mask: (H, W) bool.
        picture: (H, W, C) float in [0, 1].

    Returns:
        0 .. 1; None if the outline within the picture, or what is around it, is too small.
    """
    mask, picture = _around(mask, picture)
    outline = mask & grow_mask(~mask, 1)
    ring = grow_mask(mask, FAR) & ~grow_mask(mask, NEAR)
    if min(int(outline.sum()), int(ring.sum())) < LEAST:
        return None
    strongest = F.max_pool2d(edge_strength(picture)[None], 2 * BAND + 1, 1, BAND)[0]
    around = strongest[ring].sort().values
    usual = float(around[int(USUAL * (len(around) - 1))])
    return float((strongest[outline] > max(FLOOR, STRONGER * usual)).float().mean())


def edge_strength(picture: Tensor) -> Tensor:
    """(H, W): how much the picture changes over two pixels, in the channel that changes most."""
    planes = F.pad(picture.float().movedim(-1, 0)[None], [1] * 4, mode="replicate")[0]
    across = planes[:, 1:-1, 2:] - planes[:, 1:-1, :-2]
    down = planes[:, 2:, 1:-1] - planes[:, :-2, 1:-1]
    return (across.square() + down.square()).sqrt().amax(0)


def _around(mask: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Both cut to the mask's box and what is looked at around it."""
    rows, columns = (mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0])
    if not len(rows):
        return mask, picture
    room = FAR + BAND + 1
    top, left = (max(0, int(line[0]) - room) for line in (rows, columns))
    bottom, right = (int(line[-1]) + 1 + room for line in (rows, columns))
    return mask[top:bottom, left:right], picture[top:bottom, left:right]
