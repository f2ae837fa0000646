"""Masks as they come in: checked, kept small, cut into inside and outside, grown."""

import torch
import torch.nn.functional as F
from torch import Tensor

LARGEST = 2.0
"""Scaling may overshoot 1 a little; a mask that goes further counts in other units."""


def check_mask(mask: Tensor, name: str, batch: bool = False) -> Tensor:
    """A mask as (H, W) bool, or uint8 if it is soft, on the CPU; bool on the CPU is not copied.

    Args:
        mask: (H, W), (1, H, W) or (1, 1, H, W): bool, uint8 (255 is 1), or float, clamped to
            [0, 1].
        batch: (B, H, W) and (B, 1, H, W) are taken too, as (B, H, W).

    Raises:
        ValueError: another shape, values that are no shares, or empty.
    """
    mask = mask_planes(mask, name)
    if mask.shape[0] == 1:
        mask = mask[0]
    elif not batch:
        raise ValueError(
            f"{name} must be one picture (H, W), got {tuple(mask.shape)}. For a batch of masks use "
            "Instance Regions from Masks."
        )
    mask = compact_mask(mask.detach().to("cpu"), name)
    if not bool(mask.any()):
        raise ValueError(f"{name} is empty: paint or select at least one pixel, or remove it.")
    return mask


def mask_planes(mask: Tensor, name: str) -> Tensor:
    """(H, W), (B, H, W), (B, 1, H, W) or (B, H, W, 1) as (B, H, W).

    Raises:
        ValueError: no tensor, another shape, or no pixel.
    """
    if not isinstance(mask, Tensor):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"{name} must be a MASK, got {type(mask).__name__}.")
    if mask.ndim == 2:
        mask = mask[None]
    elif mask.ndim == 4 and 1 in (mask.shape[1], mask.shape[3]):
        mask = mask[:, 0] if mask.shape[1] == 1 else mask[..., 0]
    if mask.ndim != 3 or 0 in mask.shape:
        raise ValueError(
            f"{name} must be (H, W) or a batch (B, H, W), got {tuple(mask.shape)}. A picture "
            "becomes a mask by Convert Image to Mask."
        )
    return mask


def compact_mask(mask: Tensor, name: str) -> Tensor:
    """A mask as bool, or as uint8 (255 is 1) if it has values between 0 and 1.

    Raises:
        ValueError: values that are not finite, or far above 1.
    """
    if mask.dtype in (torch.bool, torch.uint8):
        return mask
    mask = mask.float()
    if not bool(mask.isfinite().all()):
        raise ValueError(f"{name} holds NaN or infinite values; it must hold numbers in 0 .. 1.")
    if float(mask.amax()) > LARGEST:
        raise ValueError(
            f"{name} holds values up to {float(mask.amax()):g}; it must hold numbers in 0 .. 1. "
            "Divide a mask of 0 .. 255 by 255."
        )
    hard = mask >= 1
    if bool((hard | (mask <= 0)).all()):
        return hard
    # A faint pixel stays one: an instance with any pixel at all keeps at least one token.
    levels = (mask.clamp(0, 1) * 255).round().clamp(min=1)
    return torch.where(mask > 0, levels, torch.zeros_like(levels)).to(torch.uint8)


def inside_of(masks: Tensor) -> Tensor:
    """(.., H, W) bool: each mask cut at the middle of its own range of values.

    So a brush at any opacity means what it covers. A bool mask stays as it is; one value
    everywhere is all inside, unless that is 0.
    """
    if masks.dtype == torch.bool:
        return masks
    values = masks.float()
    low, high = (values.amin((-2, -1), keepdim=True), values.amax((-2, -1), keepdim=True))
    return (values >= (low + high) / 2) & (values > 0)


def grow_mask(mask: Tensor, pixels: int) -> Tensor:
    """A (.., H, W) bool or uint8 mask, wider by so many of its pixels along both axes.

    Raises:
        ValueError: fewer than 0 pixels.
    """
    check_grow(pixels)
    if pixels == 0:
        return mask
    side = 2 * pixels + 1
    planes = mask.float().reshape(-1, 1, *mask.shape[-2:])
    tall = F.max_pool2d(planes, (side, 1), 1, (pixels, 0))
    wide = F.max_pool2d(tall, (1, side), 1, (0, pixels))
    return wide.reshape(mask.shape).to(mask.dtype)


def check_grow(pixels: int) -> None:
    """Refuse to grow by less than nothing.

    Raises:
        ValueError: fewer than 0 pixels.
    """
    if pixels < 0:
        raise ValueError(f"grow must be >= 0 pixels (0 neutral), got {pixels}.")
