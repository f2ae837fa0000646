"""Keep the source's pixels outside the edited regions."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def feathered_union(masks: Tensor, grow: int = 0, feather: int = 0) -> Tensor:
    """One soft mask: 1 in every mask and up to ``grow`` pixels around, then falling to exactly 0.

    Args:
        masks: (N, H, W) bool.
        grow: pixels by which the union is widened (square neighbourhood), >= 0.
        feather: pixels over which it fades, >= 0; 0 is a hard edge.

    Returns:
        (H, W) float32 in [0, 1]; exactly 0 further than ``grow + 2 * ceil(feather / 2)`` pixels.
    """
    if grow < 0 or feather < 0:
        raise ValueError(f"grow and feather must be >= 0 pixels, got {grow} and {feather}.")
    radius = math.ceil(feather / 2)
    union = _widen(masks.any(0).float()[None, None], grow + radius)
    if not radius:
        return union[0, 0]
    x = torch.arange(-radius, radius + 1, dtype=torch.float64, device="cpu")
    line = torch.cos(math.pi * x / (2 * radius + 2)) ** 2
    line = (line / line.sum()).float().to(union.device)
    padded = F.pad(union, (radius,) * 4, mode="replicate")
    soft = F.conv2d(F.conv2d(padded, line[None, None, None]), line[None, None, :, None])
    # Rounding must not touch what lies wholly inside or outside.
    inside = -_widen(-padded, radius)[..., radius:-radius, radius:-radius] == 1
    return torch.where(inside, 1.0, soft.clamp(0, 1))[0, 0]


def _widen(mask: Tensor, pixels: int) -> Tensor:
    """Maximum over squares of 2 * pixels + 1, one axis after the other."""
    if not pixels:
        return mask
    side = 2 * pixels + 1
    tall = F.max_pool2d(mask, (side, 1), 1, (pixels, 0))
    return F.max_pool2d(tall, (1, side), 1, (0, pixels))


def composite(source: Tensor, edited: Tensor, weight: Tensor) -> Tensor:
    """The edited picture where the weight is 1, the source's very values where it is 0.

    Args:
        source, edited: (B, H, W, C) float; a batch of one serves all of the other's.
        weight: (H, W) float in [0, 1], or (B, H, W) with one for each picture.
    """
    weight = weight.view(-1, *weight.shape[-2:], 1).to(source)
    return torch.where(weight == 0, source, torch.lerp(source, edited, weight))


def background_change(source: Tensor, edited: Tensor, weight: Tensor) -> tuple[float, float, float]:
    """How far two pictures differ where the weight is 0, in steps of 1 / 255.

    Args: as for ``composite``.

    Returns:
        Share of the picture that is background; mean and largest absolute difference there
        (0, 0 if there is none).
    """
    background = (weight == 0).view(-1, *weight.shape[-2:])
    if not bool(background.any()):
        return 0.0, 0.0, 0.0
    difference = (edited - source).abs() * 255
    pictures = max(len(difference), len(background))
    difference = difference.expand(pictures, -1, -1, -1)
    change = difference[background.expand(pictures, -1, -1)]
    return float(background.float().mean()), float(change.mean()), float(change.max())


def stretch(image: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, H, W, C) at another (H, W), bicubic; unchanged if it has that size."""
    if tuple(image.shape[1:3]) == size:
        return image
    planes = image.movedim(-1, 1)
    planes = torch.nn.functional.interpolate(planes, size, mode="bicubic", antialias=True)
    return planes.movedim(1, -1).clamp(0, 1)
