"""An edited picture laid, feathered, over its source: what Composite Background and Decode Regions
share.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .composite import composite, feathered_union
from .picture_batch import masks_per_picture
from .put_back import Place, put_back
from .regions import InstanceRegion


class Pasted(NamedTuple):
    """An edit on its source.

    Attributes:
        image: (B, H, W, 3), the source's very values where ``weight`` is 0.
        edited: (B, H, W, 3), the edit alone, as large as the source.
        weight: (B, H, W), 0 also where the edit has no proper pixels.
        words: about those; "" if all are proper.
    """

    image: Tensor
    edited: Tensor
    weight: Tensor
    words: str


def region_weight(
    regions: Sequence[InstanceRegion], size: tuple[int, int], grow: int, feather: int
) -> Tensor:
    """(B, H, W) float32: where the edit is taken; B is 1 where no region has several masks.

    Args:
        size: (H, W) of the picture.
        grow, feather: in pixels, as ``composite.feathered_union`` takes them.
    """
    masks = masks_per_picture(regions, size)
    return torch.stack([feathered_union(each, grow, feather) for each in masks])


def lay_over(source: Tensor, edited: Tensor, weight: Tensor, place: Place) -> Pasted:
    """The edit over the source.

    Args:
        source: (B, H, W, 3); edited: (B, h, w, 3); a batch of one serves all of the other's.
        weight: (B, H, W), from ``region_weight``.

    Raises:
        ValueError: NaN in the source, or nothing else in the edit.
    """
    refuse_broken_source(source)
    edited, broken, words = _without_nan(source, edited.to(source), place)
    weight = torch.where(broken, 0.0, weight.to(source))
    return Pasted(composite(source, edited, weight), edited, weight, words)


def refuse_broken_source(source: Tensor) -> None:
    """Refuse a source that is no picture.

    Raises:
        ValueError: NaN or infinite pixels.
    """
    if not bool(source.isfinite().all()):
        raise ValueError("the source holds NaN or infinite pixels: load or decode it again.")


def refuse_overflow(broken: Tensor) -> None:
    """Refuse an edit of which all is broken.

    Raises:
        ValueError: ``broken`` is true everywhere.
    """
    if bool(broken.all()):
        raise ValueError(
            "the edit holds nothing but NaN or infinite pixels: the model or the VAE overflowed. "
            "Use another precision for it (bf16 or fp32)."
        )


def _without_nan(source: Tensor, edited: Tensor, place: Place) -> tuple[Tensor, Tensor, str]:
    """The edit on the source; (B, H, W) bool, where it has no proper pixels or does not lie; words
    about those that it lacks.
    """
    broken = ~edited.isfinite().all(-1, keepdim=True)
    refuse_overflow(broken)
    cleaned, inside = put_back(source, edited.masked_fill(broken, 0.0), place)
    spots = broken.to(source).expand(-1, -1, -1, 3)
    gone = put_back(torch.zeros_like(source), spots, place)[0].abs().amax(-1) > 1e-4
    count = int(broken.sum())
    words = (
        f"{count} pixel(s) of the edit are NaN or infinite (the model or the VAE overflowed); the "
        "source's stand there."
    )
    return cleaned, gone | ~inside, words if count else ""
