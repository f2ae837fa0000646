"""Auxiliary readers for the flow model's training.

Linear heads on the image stream after some blocks have to name the shape and colour of the source
object (reference tokens) and of the wanted object (latent tokens). They teach the selection by
words early and are dropped from the exported model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..flux_blocks import HIDDEN
from ..shapes import COLOUR_NAMES, SHAPES
from .flow_data import Batch, token_weights

SOURCE_TAPS, TARGET_TAPS = (1, 2), (2, 3, 4)
SIZES = (len(SHAPES) + 1, len(COLOUR_NAMES) + 1)


class Heads(nn.Module):
    """The auxiliary linear readers."""

    def __init__(self) -> None:
        super().__init__()
        self.source = nn.ModuleList(nn.Linear(HIDDEN, sum(SIZES)) for _ in SOURCE_TAPS)
        self.target = nn.ModuleList(nn.Linear(HIDDEN, sum(SIZES)) for _ in TARGET_TAPS)

    def forward(self, taps: list[Tensor], batch: Batch) -> Tensor:
        """Summed cross entropies; taps (B, 2L, 128) with latents before reference."""
        loss, weights = taps[0].new_zeros((), dtype=torch.float32), token_weights(batch)
        tokens = batch.before.shape[1]
        for head, tap in zip(self.source, SOURCE_TAPS, strict=True):
            loss = loss + _cross_entropy(head(taps[tap][:, tokens:]), batch.before, weights)
        for head, tap in zip(self.target, TARGET_TAPS, strict=True):
            loss = loss + _cross_entropy(head(taps[tap][:, :tokens]), batch.after, weights)
        return loss


def _cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over (B, L) of both questions; labels (B, L, 2), where -1 is answer 0."""
    total = torch.zeros_like(weights)
    parts = zip(logits.float().split(SIZES, dim=-1), (labels + 1).unbind(-1), strict=True)
    for part, answer in parts:
        total = total + functional.cross_entropy(part.transpose(1, 2), answer, reduction="none")
    return (total * weights).sum() / weights.sum()
