"""FID: how far all results together are from pictures as they should be."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ...tools.fleet.store import FleetError
from .weights import INCEPTION, Weights

FEATURES = 2048
FEWEST = 2


def frechet_distance(
    pairs: Iterable[tuple[Tensor, Tensor]], weights: Weights, features: int = FEATURES
) -> float | None:
    """FID of pairs of pictures (1, 3, H, W) in [0, 1], as wanted and as edited (torchmetrics).

    Args:
        features: of Inception's layers; the papers' is 2048.

    Returns:
        None for fewer than two pairs. With fewer pairs than features it says little.

    Raises:
        FleetError: weights that are none, or that would run code when they are read.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    path = weights.path(INCEPTION)
    try:
        torch.load(path, weights_only=True, mmap=True)  # torchmetrics itself reads anything
    except Exception as error:
        raise FleetError(f"{path} must be plain weights of Inception: {error}") from error
    metric = FrechetInceptionDistance(features, feature_extractor_weights_path=str(path))
    count = 0
    with torch.inference_mode():
        for wanted, result in pairs:
            metric.update(_bytes(wanted), real=True)
            metric.update(_bytes(result), real=False)
            count += 1
        return float(metric.compute()) if count >= FEWEST else None


def _bytes(picture: Tensor) -> Tensor:
    return (picture.float().clamp(0, 1) * 255).round().byte()
