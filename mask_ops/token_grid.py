"""From pixels to FLUX's token grid, without ever losing an instance."""

import torch
from torch import Tensor

from .masks import inside_of

HALF = 0.5
"""Share of a token that a mask must cover to have it."""
KEPT = 0.5
"""A mask that keeps a smaller share of its area in the tokens that it half covers is thin."""
TOUCH = 1e-6
"""Share of a token that a mask must cover to touch it, so that rounding does not decide."""


def overlap_weights(
    pixels: int, cells: int, extent: float, *, device: torch.device | None = None
) -> Tensor:
    """How much of each pixel lies in each cell along one axis.

    The picture spans ``extent`` cells (less than ``cells`` when a latent is padded up to the
    patch size). Returns (cells, pixels) float32, in cells; a row sums to the covered part.
    """
    step = extent / pixels
    left = torch.arange(pixels, dtype=torch.float64, device="cpu") * step
    cell = torch.arange(cells, dtype=torch.float64, device="cpu")[:, None]
    overlap = torch.minimum(left + step, cell + 1) - torch.maximum(left, cell)
    return overlap.clamp(min=0).float().to(device)


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
    coverage: float = HALF,
) -> Tensor:
    """Rounding rule: a token belongs to a mask that covers at least ``coverage`` of it.

    Soft masks are cut at the middle of their own range first (``masks.inside_of``). A mask of
    which less than half the area lies in such tokens is *thin* or small: it keeps every token that
    it touches. So an instance with any pixel at all keeps at least one token; an empty mask stays
    empty.

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
    share = grid_coverage(inside_of(masks), grid, extent)
    inside = share >= coverage - TOUCH
    thin = kept_shares(share, inside) < KEPT
    return torch.where(thin[:, None, None], share > TOUCH, inside)


def kept_shares(share: Tensor, tokens: Tensor) -> Tensor:
    """(N,) how much of each mask's area lies in its tokens, 0 .. 1; 1 for an empty mask.

    Args:
        share: (N, h, w) coverage of every token, from ``grid_coverage``.
        tokens: (N, h, w) bool.
    """
    area = share.flatten(1).sum(1)
    kept = (share * tokens).flatten(1).sum(1)
    return torch.where(area > 0, kept / area.clamp(min=1e-12), torch.ones_like(area))


def resize_token_masks(masks: Tensor, grid: tuple[int, int]) -> Tensor:
    """(N, h, w) bool masks on another token grid, by the rule of ``masks_to_grid``."""
    if tuple(masks.shape[1:]) == tuple(grid):
        return masks
    return masks_to_grid(masks, grid)
