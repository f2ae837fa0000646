"""Between what was drawn and the regions that the nodes hand on."""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from .boxes import Box
from .fit import Size, same_shape
from .fit import shown as shown_size
from .masks import grow_mask
from .naming import instance_name
from .png import png_size, read_png, write_png
from .regions import InstanceRegion, join_regions
from .regions_json import DrawnInstance, DrawnRegions
from .shapes import FULL, BoxShape, Painted, cover, draw_shapes, raster_size


def taking_part(drawn: DrawnRegions) -> tuple[DrawnInstance, ...]:
    """The instances that are not muted."""
    return tuple(one for one in drawn.instances if not one.muted)


def drawn_size(drawn: DrawnRegions) -> Size | None:
    """(H, W) of the picture they were drawn on: as the file says, else that of its first PNG."""
    pngs = [png for one in drawn.instances for png in one.pngs]
    return drawn.size or (png_size(pngs[0]) if pngs else None)


def regions_of(
    drawn: DrawnRegions,
    name: str,
    picture: Size | None = None,
    came: Collection[DrawnInstance] = (),
) -> tuple[InstanceRegion, ...]:
    """The regions of all instances that are not muted, in their order.

    One box alone stays a box; everything else becomes a mask of ``raster_size``.

    Args:
        name: what the instances are of, for errors.
        picture: (H, W) of the picture that they lie on now; None: the one they were drawn on.
        came: those of the instances that nobody drew: they belong to the picture of now.

    Raises:
        ValueError: an instance without a place, or no size where one is needed.
    """
    size = picture or drawn_size(drawn)
    pngs = [png_size(png) for one in taking_part(drawn) for png in one.pngs]
    raster = None if size is None else raster_size(size, pngs)
    placed: list[InstanceRegion] = []
    for n, one in enumerate(taking_part(drawn), start=1):
        where = f"{name}, {instance_name(n, one.label)}"
        try:
            own = size if one in came else drawn.size or size
            placed.append(_region_of(one, raster, own))
        except ValueError as wrong:
            raise ValueError(f"{where}: {wrong}") from None
    return join_regions((), placed)


def _region_of(one: DrawnInstance, raster: Size | None, size: Size | None) -> InstanceRegion:
    box, mask = only_box(one), None
    if box is None:
        mask = drawn_mask(one, raster, size)
    region = InstanceRegion(
        instruction=one.instruction.strip(),
        mask=mask,
        box=box,
        strength=one.strength,
        start=one.start,
        end=one.end,
        reference=None if one.reference is None else one.reference - 1,
        reference_masks=_stacked(one.reference_masks),
        size=size,
        label=one.label,
        seed=one.seed,
        loras=one.loras,
    )
    return region.grown(one.grow) if box is not None else region


def only_box(one: DrawnInstance) -> Box | None:
    """The box of an instance that is one box and nothing else."""
    match one.shapes:
        case (BoxShape("add", box),):
            return box
        case _:
            return None


def drawn_mask(one: DrawnInstance, raster: Size | None, size: Size | None) -> Tensor:
    """(H, W) bool, or uint8 if it is soft: all shapes of an instance, grown.

    Args:
        raster: (H, W) of the mask.
        size: (H, W) of the picture whose pixels ``grow`` counts.
    """
    if not one.shapes:
        raise ValueError("it has no shape: draw one, or mute or remove it.")
    if raster is None or size is None:
        raise ValueError(
            "its shapes need the size of the picture: connect 'image', or write 'size': [height, "
            "width] in the JSON."
        )
    mask = draw_shapes(one.shapes, raster)
    if not bool(mask.any()):
        raise ValueError(
            "it covers no pixel: its shapes are too small, or subtracted wholly. Draw it larger, "
            "or mute or remove it."
        )
    return _hard_or_soft(grow_mask(mask, int(one.grow * raster[0] / size[0] + 0.5)))


def _hard_or_soft(mask: Tensor) -> Tensor:
    """A uint8 mask as bool if it has no values between 0 and 255."""
    hard = bool(((mask == 0) | (mask == FULL)).all())
    return mask == FULL if hard else mask


def _stacked(pngs: Sequence[str]) -> Tensor | None:
    """(R, H, W) of PNGs of one size; None for none."""
    if not pngs:
        return None
    sizes = {png_size(png) for png in pngs}
    if len(sizes) > 1:
        raise ValueError(
            f"its reference masks have different sizes ({', '.join(map(shown_size, sorted(sizes)))}"
            "): all need the same."
        )
    return _hard_or_soft(torch.stack([read_png(png) for png in pngs]))


def drawn_of(regions: Sequence[InstanceRegion], prefix: str = "") -> DrawnRegions:
    """The regions as instances that can be written; ``regions_of`` gives equal regions back.

    Found regions come back as drawn ones.

    Args:
        prefix: of their ids, before the number.

    Raises:
        ValueError: a region without a place, masks for several pictures, or regions that were
            drawn on pictures of different shapes.
    """
    sizes = dict.fromkeys(region.size for region in regions if region.size is not None)
    masks = [region.mask for region in regions if region.mask is not None]
    size = (masks[0].shape[-2], masks[0].shape[-1]) if masks else next(iter(sizes), None)
    for other in sizes:
        if size is not None and not same_shape(size, other):
            raise ValueError(
                f"the regions were drawn on pictures of different shapes ({shown_size(size)} and "
                f"{shown_size(other)}), and one file is for one picture: put Fit Regions before."
            )
    drawn = [_instance_of(region, n, prefix) for n, region in enumerate(regions, start=1)]
    return DrawnRegions(tuple(drawn), size)


def _instance_of(region: InstanceRegion, number: int, prefix: str) -> DrawnInstance:
    where = instance_name(number, region.label)
    if region.origin == "nowhere":
        raise ValueError(
            f"{where} has no place yet: connect the regions that a Locate node found for it."
        )
    if region.pictures > 1:
        raise ValueError(
            f"{where} has masks for {region.pictures} pictures, and one file is for one picture: "
            "connect the mask of each picture alone."
        )
    masks = region.reference_masks
    return DrawnInstance(
        instruction=region.instruction,
        shapes=(_shape_of(region),),
        id=f"{prefix}{number}",
        label=region.label,
        strength=region.strength,
        start=region.start,
        end=region.end,
        reference=None if region.reference is None else region.reference + 1,
        reference_masks=() if masks is None else tuple(write_png(mask) for mask in masks),
        seed=region.seed,
        loras=region.loras,
    )


def _shape_of(region: InstanceRegion) -> BoxShape | Painted:
    if region.box is not None:
        return BoxShape("add", region.box)
    assert region.mask is not None
    return Painted("add", write_png(region.mask))


def pixel_masks(regions: Sequence[InstanceRegion], size: Size) -> Tensor:
    """(N, H, W) float in 0 .. 1: the pixels of regions that have one size of masks.

    Args:
        size: (H, W) of the picture; theirs where none has a mask.
    """
    masks = [region.mask for region in regions if region.mask is not None]
    raster = (masks[0].shape[-2], masks[0].shape[-1]) if masks else raster_size(size)
    return torch.stack([_pixel_mask(region, raster) for region in regions])


def _pixel_mask(region: InstanceRegion, raster: Size) -> Tensor:
    if region.box is not None:
        return cover(BoxShape("add", region.box), raster).float() / FULL
    assert region.mask is not None
    return region.mask.float() / (1 if region.mask.dtype == torch.bool else FULL)
