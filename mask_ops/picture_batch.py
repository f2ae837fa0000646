"""Regions and pictures of a batch: how many there are, and each picture's own masks."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .regions import InstanceRegion, picture_sets, region_masks


def shared_batch(regions: Sequence[InstanceRegion], **pictures: int) -> int:
    """How many pictures several batches and the regions are for.

    Args:
        pictures: size of every batch by its name; 1 serves all pictures.

    Raises:
        ValueError: batches of different sizes, or masks for another number of pictures.
    """
    counts = {**pictures, "masks": max((region.pictures for region in regions), default=1)}
    several = {name: count for name, count in counts.items() if count != 1}
    if len(set(several.values())) > 1:
        shown = ", ".join(f"{count} of '{name}'" for name, count in counts.items())
        raise ValueError(
            f"one picture, or one for each of a batch, is needed everywhere, got {shown}. Pick the "
            "pictures that belong together; masks of one picture's instances are for Instance "
            "Regions from Masks."
        )
    return next(iter(several.values()), 1)


def masks_per_picture(regions: Sequence[InstanceRegion], size: tuple[int, int]) -> Tensor:
    """(B, N, H, W) bool: every region in every picture; B is 1 where no region has several masks.

    A region that a picture has not is empty there.
    """
    sets = picture_sets(regions)
    pages: list[Tensor] = []
    for number in range(len(sets)):
        here = [region.on_picture(number) for region in regions]
        present = [region for region in here if region is not None]
        masks = torch.zeros(len(regions), *size, dtype=torch.bool)
        masks[[region is not None for region in here]] = region_masks(present, size)
        pages.append(masks)
    return torch.stack(pages)
