"""Otsu's threshold: the split of a map into two classes whose means differ most."""

import torch
from torch import Tensor


def otsu_threshold(values: Tensor) -> Tensor:
    """The largest value of the lower class; ``values > threshold`` is the upper class.

    Maximises the variance between the classes, w0 w1 (m1 - m0)^2, over all splits of the sorted
    values, without a histogram (Otsu 1979). Equal values need no care: a split between them is
    never the best, unless all are equal, and then its threshold leaves no upper class.

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
    if values.shape[-1] == 1:
        return values[..., 0]
    ordered = values.sort(dim=-1).values
    exact = ordered.to("cpu", torch.float64)
    total = exact.shape[-1]
    count = torch.arange(1, total, dtype=torch.float64, device="cpu")
    below = exact.cumsum(-1)
    low = below[..., :-1] / count
    high = (below[..., -1:] - below[..., :-1]) / (total - count)
    between = count * (total - count) * (high - low) ** 2
    best = between.argmax(-1, keepdim=True).to(values.device)
    return ordered.gather(-1, best)[..., 0]
