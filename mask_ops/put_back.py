"""An edited picture laid back over its source, where it was cropped or scaled in between."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from .composite import stretch
from .fit import Size, Window, crop_box, fit_region, multiple_crop, same_shape, shown
from .regions import InstanceRegion

Placing = Literal["by size", "stretch", "centre crop"]
MULTIPLES = (8, 16, 32, 64)
"""What VAEs crop to."""


@dataclass(frozen=True)
class Place:
    """Where an edited picture lies on its source.

    Attributes:
        window: in whole pixels of the source.
        source, edited: sizes (H, W).
        words: how it was put there; "" if both have one size.
    """

    window: Window
    source: Size
    edited: Size
    words: str


def find_place(source: Size, edited: Size, how: Placing = "by size") -> Place:
    """Where the edited picture lies.

    Args:
        how: ``by size``: in full where both have one shape, or where VAE Encode cuts a picture of
            the source's size to the edited one's; ``stretch``: in full in any case; ``centre
            crop``: where scaling with crop "center" had cut (``fit.crop_box``).

    Raises:
        ValueError: by size, and the sizes can come from several ways.
    """
    if how not in get_args(Placing):
        raise ValueError(f"fit must be one of {get_args(Placing)}, got {how!r}.")
    whole = Window(0, 0, *source)
    if source == edited:
        return Place(whole, source, edited, "")
    if how == "centre crop":
        window = crop_box(source, edited)
        return Place(window, source, edited, _cropped(window))
    cut = vae_crop(source, edited) if how == "by size" else None
    if cut is not None:
        return Place(cut, source, edited, _cropped(cut))
    if how == "stretch" or same_shape(source, edited):
        words = f"The edit was scaled from {shown(edited)} to the source's {shown(source)}."
        return Place(whole, source, edited, words)
    raise ValueError(
        f"the edit has {shown(edited)} and the source {shown(source)}, another shape. Connect "
        "the picture that went to VAE Encode as source, or choose for fit how it was made: "
        "'centre crop' (FluxKontextImageScale, Scale Image with crop) or 'stretch'."
    )


def unscaled_place(source: Size, decoded: Size) -> Place:
    """Where the decoded picture lies on a source of its size, or of one that VAE Encode cropped.

    Raises:
        ValueError: a source of another size.
    """
    cut = Window(0, 0, *source) if source == decoded else vae_crop(source, decoded)
    if cut is None:
        raise ValueError(
            f"the latent's picture has {shown(decoded)} and the image {shown(source)}. Connect the "
            "picture that went to VAE Encode as image; for another one use VAE Decode and "
            "Composite Background, whose 'fit' lays an edit on a source of another size."
        )
    return Place(cut, source, decoded, "" if source == decoded else _cropped(cut))


def vae_crop(source: Size, edited: Size) -> Window | None:
    """The part of the source that VAE Encode keeps, if that has the edited picture's size."""
    for multiple in MULTIPLES:
        offset, after = multiple_crop(source, multiple)
        if after == edited:
            return Window(*offset, *after)
    return None


def cut_out(source: Tensor, place: Place) -> Tensor:
    """The part (B, h, w, C) of the source that the edited picture lies on."""
    top, left, height, width = (round(side) for side in place.window)
    return source[:, top : top + height, left : left + width]


def put_back(source: Tensor, edited: Tensor, place: Place) -> tuple[Tensor, Tensor]:
    """The edited picture on the source, and where it lies.

    Args:
        source: (B, H, W, C); edited: (B, h, w, C); a batch of one serves all of the other's.

    Returns:
        (B, H, W, C) with the source's pixels around it, and (H, W) bool.
    """
    top, left, height, width = (round(side) for side in place.window)
    part = stretch(edited, (height, width))
    batch = max(source.shape[0], edited.shape[0])
    canvas = source.expand(batch, -1, -1, -1).clone()
    canvas[:, top : top + height, left : left + width] = part
    inside = torch.zeros(place.source, dtype=torch.bool, device=source.device)
    inside[top : top + height, left : left + width] = True
    return canvas, inside


def regions_on_source(
    regions: Sequence[InstanceRegion], place: Place
) -> tuple[InstanceRegion, ...]:
    """Regions that follow the edited picture, moved to where they are on the source.

    Regions of the source's shape or of no known size stay; so do those of neither shape.
    """
    top, left, height, width = place.window
    down, across = place.edited[0] / height, place.edited[1] / width
    inverse = Window(-top * down, -left * across, place.source[0] * down, place.source[1] * across)
    moved: list[InstanceRegion] = []
    for region in regions:
        follows = region.size is not None and same_shape(region.size, place.edited)
        if follows and not same_shape(place.edited, place.source):
            region = fit_region(region, place.edited, inverse, place.source) or region
        moved.append(region)
    return tuple(moved)


def _cropped(window: Window) -> str:
    top, left, height, width = (round(side) for side in window)
    return (
        f"The edit was put back at x {left}, y {top} as {width} x {height} pixels, where the "
        "source had been cropped; the rest is the source's."
    )
