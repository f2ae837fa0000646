"""Where a picture's regions are after the picture was cropped, stretched, padded or cut in tiles.

A size is (H, W) in pixels. Every way of fitting is a *window*: the part of the picture before that
fills the picture after, in pixels of the one before. It may reach over the edges.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, get_args

import torch.nn.functional as F
from torch import Tensor

from .boxes import Box
from .naming import instance_name
from .regions import InstanceRegion

Size = tuple[int, int]
Fit = Literal["centre crop", "stretch", "pad", "tile"]


class Window(NamedTuple):
    """The part of a picture that is kept, in its pixels."""

    top: float
    left: float
    height: float
    width: float


def multiple_crop(before: Size, multiple: int) -> tuple[tuple[int, int], Size]:
    """What ComfyUI's VAE Encode keeps: (top, left) in the picture before, and the size after.

    Source: ``comfy.sd.VAE.vae_encode_crop_pixels``.
    """
    height, width = before
    after = (height // multiple * multiple, width // multiple * multiple)
    return (height % multiple // 2, width % multiple // 2), after


def crop_box(before: Size, after: Size) -> Window:
    """What ComfyUI's scaling with crop "center" keeps, in whole pixels of the picture before.

    FluxKontextImageScale and ImageScale crop so, then stretch what is left to the size after.
    Source: ``comfy.utils.common_upscale``.
    """
    height, width = before
    aspect, wanted = width / height, after[1] / after[0]
    top = left = 0
    if aspect > wanted:
        left = round((width - width * (wanted / aspect)) / 2)
    elif aspect < wanted:
        top = round((height - height * (aspect / wanted)) / 2)
    return Window(top, left, height - 2 * top, width - 2 * left)


def kept_window(
    before: Size, after: Size, how: Fit = "centre crop", offset: tuple[int, int] = (0, 0)
) -> Window:
    """The window of the picture before that the picture after shows.

    Args:
        how: ``centre crop`` as ``crop_box``; ``stretch`` keeps all; ``pad`` scales until the whole
            picture fits and centres it, as ComfyUI's Resize And Pad Image; ``tile`` cuts without
            scaling.
        offset: (y, x) of a tile's upper left pixel; negative or past the edge adds a border.

    Raises:
        ValueError: a size without pixels, another way, or an offset for what is no tile.
    """
    for name, size in (("before", before), ("after", after)):
        if min(size) < 1:
            raise ValueError(f"the picture {name} must have at least one pixel, got {shown(size)}.")
    if how not in get_args(Fit):
        raise ValueError(f"how must be one of {get_args(Fit)}, got {how!r}.")
    if how == "tile":
        return Window(*offset, *after)
    if offset != (0, 0):
        raise ValueError(f"an offset is for how = 'tile' alone, got {offset} with {how!r}.")
    if how == "centre crop":
        return crop_box(before, after)
    return Window(0, 0, *before) if how == "stretch" else _padded(before, after)


def _padded(before: Size, after: Size) -> Window:
    scale = min(after[0] / before[0], after[1] / before[1])
    inner = [max(1, int(side * scale)) for side in before]
    top, left = ((side - part) // 2 for side, part in zip(after, inner, strict=True))
    down, across = (old / part for old, part in zip(before, inner, strict=True))
    return Window(-top * down, -left * across, after[0] * down, after[1] * across)


def fit_regions(
    regions: Sequence[InstanceRegion],
    before: Size,
    after: Size,
    how: Fit = "centre crop",
    offset: tuple[int, int] = (0, 0),
) -> tuple[InstanceRegion, ...]:
    """The regions on the picture after; see ``kept_window`` for the arguments.

    A tile leaves out the regions that do not reach into it.

    Raises:
        ValueError: regions of a picture of another shape than ``before``; a region that is cropped
            away; a tile without any region.
    """
    refuse_other_shapes(regions, before)
    window = kept_window(before, after, how, offset)
    fitted = [fit_region(region, before, window, after) for region in regions]
    lost = [n for n, region in enumerate(fitted) if region is None]
    if lost and (how != "tile" or len(lost) == len(fitted)):
        named = ", ".join(f"{n + 1} ({regions[n].instruction!r})" for n in lost)
        raise ValueError(
            f"nothing of instance {named} is left in the picture of {shown(after)} that '{how}' "
            f"makes of {shown(before)}. Take it out, pad or stretch the picture instead, or move "
            "the tile."
        )
    return tuple(region for region in fitted if region is not None)


def fit_region(
    region: InstanceRegion, before: Size, window: Window, after: Size
) -> InstanceRegion | None:
    """One region in the window of a picture; None where nothing of it lies in there.

    Its masks for reference images stay: they lie on other pictures.
    """
    if region.origin == "nowhere":
        return replace(region, size=after)
    if region.box is not None:
        box = _fit_box(region.box, before, window)
        return None if box is None else replace(region, box=box, size=after)
    assert region.mask is not None
    mask = window_mask(region.mask, before, window)
    return replace(region, mask=mask, size=after) if bool(mask.any()) else None


def _fit_box(box: Box, before: Size, window: Window) -> Box | None:
    height, width = before
    sides = (
        (box.x1 * width - window.left) / window.width,
        (box.y1 * height - window.top) / window.height,
        (box.x2 * width - window.left) / window.width,
        (box.y2 * height - window.top) / window.height,
    )
    found = Box(*(min(max(side, 0.0), 1.0) for side in sides))
    return found if found.x1 < found.x2 and found.y1 < found.y2 else None


def window_mask(mask: Tensor, before: Size, window: Window) -> Tensor:
    """The part of a (.., H, W) mask that lies in a window; what is over the edge is empty.

    The mask is stretched over the picture before. Where it is coarser than that, its pixels are
    repeated first, so that the window's edges are right to a pixel of the picture; nothing is
    blended, so that a hard mask stays hard.
    """
    mask = _window_axis(mask, -2, before[0], window.top, window.height)
    return _window_axis(mask, -1, before[1], window.left, window.width)


def _window_axis(mask: Tensor, axis: int, pixels: int, start: float, length: float) -> Tensor:
    mask = mask.repeat_interleave(math.ceil(pixels / mask.shape[axis]), axis)
    step = mask.shape[axis] / pixels
    first = round(start * step)
    last = max(round((start + length) * step), first + 1)
    inside = mask.narrow(
        axis,
        min(max(first, 0), mask.shape[axis]),
        max(min(last, mask.shape[axis]) - max(first, 0), 0),
    )
    border = [max(-first, 0), max(last - max(mask.shape[axis], first), 0)]
    if inside.shape[axis] == 0:
        border = [last - first, 0]
    return F.pad(inside, border if axis == -1 else [0, 0, *border])


def same_shape(one: Size, other: Size) -> bool:
    """Whether two sizes have one aspect, up to the rounding of whole pixels."""
    (h, w), (high, wide) = one, other
    return (
        abs(h - high * w / wide) <= 1
        or abs(w - wide * h / high) <= 1
        or abs(high - h * wide / w) <= 1
        or abs(wide - w * high / h) <= 1
    )


def refuse_other_shapes(regions: Sequence[InstanceRegion], before: Size) -> None:
    """Refuse regions that were drawn on a picture of another aspect.

    Raises:
        ValueError: with the region's number and both sizes.
    """
    for n, region in enumerate(regions, start=1):
        if region.size is not None and not same_shape(region.size, before):
            raise ValueError(
                f"{instance_name(n, region.label or region.instruction)} was drawn on a picture of "
                f"{shown(region.size)}, but the picture before is {shown(before)}, of another "
                "shape. Connect the picture that it was drawn on."
            )


def shown(size: Size) -> str:
    """A size in words."""
    return f"{size[1]} x {size[0]} pixels"
