"""Otsu's threshold: the split of a map into two classes whose means differ most."""

import torch
from torch import Tensor


def otsu_threshold(values: Tensor) -> Tensor:
    """The largest value of the lower class; ``values > threshold`` is the upper class.

    Maximises the variance between the classes, w0 w1 (m1 - m0)^2, over all splits of the sorted
    values, without a histogram (Otsu 1979). A constant map has no upper class.

    Args:
        values: (..., n) float, finite, n >= 1.

    Returns:
        (...,) of the same dtype.

    Raises:
        ValueError: no values, or values that are not finite.
    """
    if values.ndim == 0 or values.shape[-1] == 0 or not bool(values.isfinite().all()):
        raise ValueError(
            f"Otsu's threshold needs at least one value, all finite, got {tuple(values.shape)}. "
            "Check the map that the threshold is taken of."
        )
    ordered = values.sort(dim=-1).values
    exact = ordered.double()
    total = exact.shape[-1]
    count = torch.arange(1, total, device=values.device, dtype=torch.float64)
    below = exact.cumsum(-1)
    low = below[..., :-1] / count
    high = (below[..., -1:] - below[..., :-1]) / (total - count)
    between = count * (total - count) * (high - low) ** 2
    between = between.masked_fill(exact[..., 1:] == exact[..., :-1], -1.0)
    if total == 1 or not bool((between >= 0).any()):
        return ordered[..., -1]
    best = torch.where(between.amax(-1) >= 0, between.argmax(-1), total - 1)
    return ordered.gather(-1, best[..., None])[..., 0]
