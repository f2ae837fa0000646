"""InstanceRegion: where one instance is and what shall happen to it."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from .boxes import Box, box_to_grid, clip_box
from .instance_lora import RegionLora
from .masks import check_grow, check_mask, compact_mask, grow_mask, mask_planes
from .naming import about_instance
from .overlap import OverlapPolicy, resolve_overlap
from .token_grid import masks_to_grid

Origin = Literal["drawn", "nowhere", "found"]
"""Whether a region was drawn, has no place yet, or was found by a locator."""


@dataclass(frozen=True, eq=False)
class InstanceRegion:
    """One instance: a mask or a box, its instruction and how it takes part.

    Two regions are equal if all that they say is; masks are compared by their content.

    Attributes:
        instruction: what to do with it, as given to the text encoder.
        mask: (H, W), stretched over the picture, or (B, H, W) for each picture of a batch; or None.
            Given as bool or float in [0, 1]; kept as bool, or as uint8 (255 is 1) if it is soft. A
            bool mask is shared, not copied. ``masks.inside_of`` says what a soft one covers.
        box: fractions of the picture; or None. Exactly one of mask and box is given.
        strength: >= 0, multiplies the attention it pays to its instruction; 1 neutral, 0 unseen.
        start, end: its steps window as fractions of the sampling; outside of that window the
            instance's tokens belong to the background.
        reference: 0-based number of the reference image that belongs to it alone; None for none.
        reference_masks: (R, H, W) where it is in each reference image; None: as ``mask``.
        origin: where its place comes from.
        size: (H, W) pixels of the picture that it was drawn on, by default the mask's; None where
            that is not known. It says nothing of what happens, so it does not count for equality.
        label: its name for people, "" for none; it does not count for equality either.
        seed: of the noise of its own that Instance Noise gives its tokens; None: the picture's.
        loras: LoRAs that act on its tokens alone, in their order.
    """

    instruction: str
    mask: Tensor | None = None
    box: Box | None = None
    strength: float = 1.0
    start: float = 0.0
    end: float = 1.0
    reference: int | None = None
    reference_masks: Tensor | None = None
    origin: Origin = "drawn"
    size: tuple[int, int] | None = None
    label: str = ""
    seed: int | None = None
    loras: tuple[RegionLora, ...] = ()

    def __post_init__(self) -> None:
        if (self.mask is None) == (self.box is None):
            raise ValueError("a region needs a mask or a box, and not both: connect exactly one.")
        if self.mask is not None:
            object.__setattr__(self, "mask", check_mask(self.mask, "the region's mask", batch=True))
            if self.size is None:
                object.__setattr__(self, "size", tuple(self.mask.shape[-2:]))
        if self.box is not None:
            object.__setattr__(self, "box", clip_box(*self.box, name="the region's box"))
        if self.reference_masks is not None:
            planes = mask_planes(self.reference_masks, "the reference masks")
            for number, mask in enumerate(planes, start=1):
                check_mask(mask, f"the region's reference mask {number}")
            masks = compact_mask(planes.detach().to("cpu"), "the reference masks")
            object.__setattr__(self, "reference_masks", masks)
        if not (math.isfinite(self.strength) and self.strength >= 0):
            raise ValueError(f"strength must be finite and >= 0 (1 neutral), got {self.strength}.")
        if not 0 <= self.start < self.end <= 1:
            raise ValueError(
                f"the steps window must satisfy 0 <= start < end <= 1, got {self.start} to "
                f"{self.end}."
            )
        if self.reference is not None and self.reference < 0:
            raise ValueError(f"reference must be >= 0 or None, got {self.reference}.")

    @cached_property
    def fingerprint(self) -> bytes:
        """What all that the region says comes to; equal for regions that say the same."""
        numbers = (self.box, self.strength, self.start, self.end, self.reference, self.origin)
        said = hashlib.sha256(repr((self.instruction, *numbers, self.seed, self.loras)).encode())
        for mask in (self.mask, self.reference_masks):
            said.update(b"none" if mask is None else repr((mask.dtype, mask.shape)).encode())
            if mask is not None:
                said.update(mask.contiguous().numpy().tobytes())
        return said.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InstanceRegion) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def grown(self, pixels: int) -> "InstanceRegion":
        """The region wider by so many pixels of its picture on every side; 0 is neutral.

        Raises:
            ValueError: fewer than 0 pixels, or a box on a picture of unknown size.
        """
        check_grow(pixels)
        if pixels == 0:
            return self
        if self.mask is not None:
            return replace(self, mask=grow_mask(self.mask, pixels))
        if self.size is None:
            raise ValueError(
                "grow counts pixels, and the size of the picture that the box was drawn on is not "
                "known: connect 'image'."
            )
        assert self.box is not None
        across, down = pixels / self.size[1], pixels / self.size[0]
        x1, y1, x2, y2 = self.box
        return replace(self, box=Box(x1 - across, y1 - down, x2 + across, y2 + down))

    @property
    def pictures(self) -> int:
        """For how many pictures of a batch it has a mask of their own; 1: the same for all."""
        return 1 if self.mask is None or self.mask.ndim == 2 else len(self.mask)

    def on_picture(self, number: int) -> "InstanceRegion | None":
        """The region in one picture of a batch (0-based); None where its mask is empty."""
        if self.mask is None or self.mask.ndim == 2:
            return self
        mask = self.mask[number % len(self.mask)]
        return replace(self, mask=mask) if bool(mask.any()) else None

    def on_grid(
        self,
        grid: tuple[int, int],
        extent: tuple[float, float] | None = None,
        reference: int | None = None,
    ) -> Tensor:
        """(h, w) bool: its tokens in the latent, or in a reference image by its number.

        Args:
            grid: (h, w) tokens.
            extent: (rows, columns) of tokens that the picture really spans; default: all.
            reference: 0-based number of the reference image; None for the latent.

        Raises:
            ValueError: it has masks for reference images, but none for this one.
        """
        masks = self.reference_masks
        if reference is not None and masks is not None:
            if reference >= len(masks):
                raise ValueError(
                    f"its region has masks for {len(masks)} reference image(s), but the "
                    f"conditioning holds at least {reference + 1}. Give one mask per reference "
                    "image, or none."
                )
            return masks_to_grid(masks[reference][None], grid, extent)[0]
        if self.box is not None:
            return box_to_grid(self.box, grid, extent)
        if self.pictures > 1:
            raise ValueError(
                f"its region has masks for {self.pictures} pictures, but "
                "one picture is looked at here. Connect the mask of that picture alone."
            )
        assert self.mask is not None
        return masks_to_grid(self.mask[None], grid, extent)[0]


def rasterise(
    regions: Sequence[InstanceRegion],
    grid: tuple[int, int],
    extent: tuple[float, float] | None = None,
    reference: int | None = None,
) -> Tensor:
    """(N, h, w) bool: every region's tokens, whoever else claims them; see ``on_grid``."""
    masks: list[Tensor] = []
    for number, region in enumerate(regions, start=1):
        with about_instance(number, region.label or region.instruction):
            masks.append(region.on_grid(grid, extent, reference))
    return torch.stack(masks)


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
    masks = rasterise(regions, grid, extent, reference)
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
    sizes = {tuple(region.mask.shape[-2:]) for region in regions if region.mask is not None}
    if len(sizes) > 1:
        shown = ", ".join(f"{w} x {h}" for h, w in sorted(sizes))
        raise ValueError(
            f"the regions' masks have different sizes ({shown}): all must be painted on the "
            "picture that is edited. Resize the masks, or the picture before painting."
        )
    return regions


def picture_sets(regions: Sequence[InstanceRegion]) -> list[tuple[InstanceRegion, ...]]:
    """The regions of each picture of a batch; one set where no region has masks of several.

    Raises:
        ValueError: regions for different numbers of pictures, or a picture without any.
    """
    counts = {region.pictures for region in regions} - {1}
    if len(counts) > 1:
        raise ValueError(
            f"the regions have masks for {sorted(counts)} pictures: all need as many masks as the "
            "batch has pictures, or one for all of them."
        )
    sets: list[tuple[InstanceRegion, ...]] = []
    for number in range(counts.pop() if counts else 1):
        here = [region.on_picture(number) for region in regions]
        sets.append(tuple(region for region in here if region is not None))
        if not sets[-1]:
            raise ValueError(
                f"no region has anything in picture {number + 1} of the batch: paint at least one "
                "there, or take that picture out of the batch."
            )
    return sets


def with_lora(
    regions: Sequence[InstanceRegion], instance: int, lora: RegionLora
) -> tuple[InstanceRegion, ...]:
    """The regions, one of them (0-based) with one LoRA more."""
    return tuple(
        replace(region, loras=(*region.loras, lora)) if number == instance else region
        for number, region in enumerate(regions)
    )
