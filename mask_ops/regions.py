"""InstanceRegion: where one instance is and what shall happen to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .boxes import Box, box_to_grid, clip_box
from .overlap import OverlapPolicy, resolve_overlap
from .token_grid import masks_to_grid


@dataclass(frozen=True, eq=False)
class InstanceRegion:
    """One instance: a mask or a box, its instruction and how it takes part.

    Attributes:
        instruction: what to do with it, as given to the text encoder.
        mask: (H, W) float in [0, 1], stretched over the picture; or None.
        box: fractions of the picture; or None. Exactly one of mask and box is given.
        strength: >= 0, multiplies the attention it pays to its instruction; 1 neutral, 0 unseen.
        start, end: its steps window as fractions of the sampling; outside it is background.
        reference: 0-based number of the reference image that belongs to it alone; None for none.
        reference_masks: (R, H, W) where it is in each reference image; None: as ``mask``.
    """

    instruction: str
    mask: Tensor | None = None
    box: Box | None = None
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0
    reference: int | None = None
    reference_masks: Tensor | None = None

    def __post_init__(self) -> None:
        if (self.mask is None) == (self.box is None):
            raise ValueError("a region needs a mask or a box, and not both: connect exactly one.")
        if self.mask is not None:
            object.__setattr__(self, "mask", check_mask(self.mask, "the region's mask"))
        if self.box is not None:
            object.__setattr__(self, "box", clip_box(*self.box, name="the region's box"))
        if self.reference_masks is not None:
            masks = [check_mask(m, "the region's reference mask") for m in self.reference_masks]
            object.__setattr__(self, "reference_masks", torch.stack(masks))
        if not (math.isfinite(self.strength) and self.strength >= 0):
            raise ValueError(f"strength must be finite and >= 0 (1 neutral), got {self.strength}.")
        if not 0 <= self.start < self.end <= 1:
            raise ValueError(
                f"the steps window must satisfy 0 <= start < end <= 1, got {self.start} to "
                f"{self.end}."
            )
        if self.reference is not None and self.reference < 0:
            raise ValueError(f"reference must be >= 0 or None, got {self.reference}.")

    def on_grid(
        self,
        grid: tuple[int, int],
        extent: tuple[float, float] | None = None,
        reference: int | None = None,
    ) -> Tensor:
        """(h, w) bool: its tokens in the latent, or in a reference image by its number."""
        masks = self.reference_masks
        if reference is not None and masks is not None:
            if reference >= len(masks):
                raise ValueError(
                    f"a region has masks for {len(masks)} reference image(s), but the conditioning "
                    f"holds at least {reference + 1}. Give one mask per reference image, or none."
                )
            return masks_to_grid(masks[reference][None], grid, extent)[0]
        if self.box is not None:
            return box_to_grid(self.box, grid, extent)
        assert self.mask is not None
        return masks_to_grid(self.mask[None], grid, extent)[0]


def check_mask(mask: Tensor, name: str) -> Tensor:
    """A mask as (H, W) float32 in [0, 1] on the CPU.

    Raises:
        ValueError: another shape, not finite, or empty.
    """
    if mask.ndim == 3 and mask.shape[0] == 1:
        mask = mask[0]
    if mask.ndim != 2 or 0 in mask.shape:
        raise ValueError(
            f"{name} must be one picture (H, W), got {tuple(mask.shape)}. For a batch of masks use "
            "Instance Regions from Masks."
        )
    mask = mask.detach().to("cpu", torch.float32)
    if not bool(mask.isfinite().all()):
        raise ValueError(f"{name} holds NaN or infinite values; it must hold numbers in 0 .. 1.")
    mask = mask.clamp(0, 1)
    if not bool(mask.any()):
        raise ValueError(f"{name} is empty: paint or select at least one pixel, or remove it.")
    return mask


def region_masks(
    regions: Sequence[InstanceRegion],
    grid: tuple[int, int],
    extent: tuple[float, float] | None = None,
    *,
    overlap: OverlapPolicy = "shared",
    active: Sequence[bool] | None = None,
    reference: int | None = None,
) -> Tensor:
    """(N, h, w) bool masks of all regions on one token grid; inactive ones are empty."""
    masks = torch.stack([region.on_grid(grid, extent, reference) for region in regions])
    if active is not None:
        masks = masks & torch.tensor(list(active))[:, None, None]
    return resolve_overlap(masks, overlap)


def join_regions(
    before: Sequence[InstanceRegion], added: Sequence[InstanceRegion]
) -> tuple[InstanceRegion, ...]:
    """One list of regions.

    Raises:
        ValueError: masks of different sizes, which were not painted on the same picture.
    """
    regions = (*before, *added)
    sizes = {tuple(region.mask.shape) for region in regions if region.mask is not None}
    if len(sizes) > 1:
        shown = ", ".join(f"{w} x {h}" for h, w in sorted(sizes))
        raise ValueError(
            f"the regions' masks have different sizes ({shown}): all must be painted on the "
            "picture that is edited. Resize the masks, or the picture before painting."
        )
    return regions
