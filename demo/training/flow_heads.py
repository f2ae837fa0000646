"""Auxiliary readers for the flow model's training.

Linear heads on the image stream after some blocks have to name the shape and colour of the source
object (reference tokens) and of the wanted object (latent tokens), and where in it the token lies.
They teach the selection by words and the drawing early and are dropped from the exported model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..flux_blocks import HIDDEN
from ..shapes import COLOUR_NAMES, SHAPES
from .flow_data import Batch, token_weights

SOURCE_TAPS, TARGET_TAPS = (1, 2), (2, 3, 4)
PLACE = 2.0  # weight of the places' error beside a cross entropy
SIZES = (len(SHAPES) + 1, len(COLOUR_NAMES) + 1)


class Heads(nn.Module):
    """The auxiliary linear readers."""

    def __init__(self) -> None:
        super().__init__()
        self.source = nn.ModuleList(nn.Linear(HIDDEN, sum(SIZES)) for _ in SOURCE_TAPS)
        self.target = nn.ModuleList(nn.Linear(HIDDEN, sum(SIZES)) for _ in TARGET_TAPS)
        self.source_place = nn.ModuleList(nn.Linear(HIDDEN, 3) for _ in SOURCE_TAPS)
        self.target_place = nn.ModuleList(nn.Linear(HIDDEN, 3) for _ in TARGET_TAPS)

    def forward(self, taps: list[Tensor], batch: Batch) -> Tensor:
        """Summed cross entropies and errors of place; taps (B, 2L, 128), latents first."""
        loss, weights = taps[0].new_zeros((), dtype=torch.float32), token_weights(batch)
        tokens = batch.before.shape[1]
        for head, place, tap in zip(self.source, self.source_place, SOURCE_TAPS, strict=True):
            seen = taps[tap][:, tokens:]
            loss = loss + _cross_entropy(head(seen), batch.before, weights)
            loss = loss + PLACE * _place_error(place(seen), batch)
        for head, place, tap in zip(self.target, self.target_place, TARGET_TAPS, strict=True):
            seen = taps[tap][:, :tokens]
            loss = loss + _cross_entropy(head(seen), batch.after, weights)
            loss = loss + PLACE * _place_error(place(seen), batch)
        return loss


def _place_error(told: Tensor, batch: Batch) -> Tensor:
    """Mean error of (B, L, 3) where things are, what the words change weighing most."""
    weights = token_weights(batch) * (batch.before[..., 0] >= 0)
    error = functional.smooth_l1_loss(told, batch.place, beta=0.1, reduction="none").sum(-1)
    return (error * weights).sum() / weights.sum().clamp(min=1)


def _cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over (B, L) of both questions; labels (B, L, 2), where -1 is answer 0."""
    total = torch.zeros_like(weights)
    parts = zip(logits.float().split(SIZES, dim=-1), (labels + 1).unbind(-1), strict=True)
    for part, answer in parts:
        total = total + functional.cross_entropy(part.transpose(1, 2), answer, reduction="none")
    return (total * weights).sum() / weights.sum()
