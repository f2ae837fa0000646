"""From pixels to FLUX's token grid, without ever losing an instance."""

import torch
from torch import Tensor


def overlap_weights(
    pixels: int, cells: int, extent: float, *, device: torch.device | None = None
) -> Tensor:
    """How much of each pixel lies in each cell along one axis.

    The picture spans ``extent`` cells (less than ``cells`` when a latent is padded up to the
    patch size). Returns (cells, pixels) float32, in cells; a row sums to the covered part.
    """
    step = extent / pixels
    left = torch.arange(pixels, device=device, dtype=torch.float64) * step
    cell = torch.arange(cells, device=device, dtype=torch.float64)[:, None]
    overlap = torch.minimum(left + step, cell + 1) - torch.maximum(left, cell)
    return overlap.clamp(min=0).float()


def grid_coverage(
    masks: Tensor, grid: tuple[int, int], extent: tuple[float, float] | None = None
) -> Tensor:
    """Mean of each mask over each token's part of the picture (exact area average).

    Args:
        masks: (N, H, W) float in [0, 1], bool, or uint8 (255 is 1), stretched over the picture.
        grid: (h, w) tokens.
        extent: (rows, columns) of tokens that the picture really spans; default: all.

    Returns:
        (N, h, w) float32 in [0, 1].
    """
    rows, columns = extent or (float(grid[0]), float(grid[1]))
    vertical = overlap_weights(masks.shape[1], grid[0], rows, device=masks.device)
    horizontal = overlap_weights(masks.shape[2], grid[1], columns, device=masks.device)
    vertical = vertical / vertical.sum(1, keepdim=True).clamp(min=1e-6)
    horizontal = horizontal / horizontal.sum(1, keepdim=True).clamp(min=1e-6)
    values = masks.float() / 255 if masks.dtype == torch.uint8 else masks.float()
    return vertical @ values @ horizontal.T


def masks_to_grid(
    masks: Tensor,
    grid: tuple[int, int],
    extent: tuple[float, float] | None = None,
    coverage: float = 0.5,
) -> Tensor:
    """Rounding rule: a token belongs to a mask that covers at least ``coverage`` of it.

    A mask that reaches that nowhere keeps the one token it covers best, so an instance with any
    pixel at all keeps at least one token; an empty mask stays empty.

    Args:
        masks: (N, H, W) float in [0, 1], bool, or uint8 (255 is 1).
        grid: (h, w) tokens.
        extent: see ``grid_coverage``.
        coverage: in (0, 1].

    Returns:
        (N, h, w) bool.
    """
    if not 0 < coverage <= 1:
        raise ValueError(f"coverage must be in (0, 1], got {coverage}.")
    share = grid_coverage(masks, grid, extent)
    inside = share >= coverage - 1e-6
    best = torch.nn.functional.one_hot(share.flatten(1).argmax(1), grid[0] * grid[1])
    return inside | (best.bool().view(-1, *grid) & (share > 0))


def resize_token_masks(masks: Tensor, grid: tuple[int, int]) -> Tensor:
    """(N, h, w) bool masks on another token grid, by the rule of ``masks_to_grid``."""
    if tuple(masks.shape[1:]) == tuple(grid):
        return masks
    return masks_to_grid(masks, grid)
