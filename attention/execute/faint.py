"""Keys that a bias damps so strongly that leaving them out changes no digit of the result.

MICE's default floor is log(1e-30) = -69: a finite bias, so that no key is shut by definition, but
one that hardly any model can overcome. What the queries and keys at hand can overcome is bounded
by their norms, so it need not be guessed.
"""

import math
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor

from ..bias import AttentionBias

FAINT = -40.0
"""A bias at or below this may prove negligible."""
ANCHORS = 16
ALL_ANCHORS = 1024
"""Open keys that the proof compares the faint ones with: per class of queries, and in all."""
DIGITS = 24 * math.log(2)
"""What is left out weighs less than 2^-24 of what is not: float32's rounding."""
ROUNDING = 1.02
"""Norms and products are taken in the model's own dtype, with an error below 2 %."""
PROOF_BYTES = 4 << 20
"""What the proof may hold at a time."""


@dataclass(frozen=True)
class Faint:
    """A bias whose faint keys are shut, and what shows whether that is exact.

    Attributes:
        shut: the bias.
        anchors: (classes, A) int64, places of keys that the queries of each class see with bias 0.
        margin: natural logarithm of how far a faint key's logit may lie above the anchors' mean.
    """

    shut: AttentionBias
    anchors: Tensor
    margin: float

    def is_exact(self, q: Tensor, k: Tensor) -> bool:
        """``verdict`` as a bool, for which the host waits until the device has computed it."""
        return bool(self.verdict(q, k))

    @torch.no_grad()
    def verdict(self, q: Tensor, k: Tensor) -> Tensor:
        """True if no faint key can count, whatever the directions of these queries and keys.

        A query's open keys weigh at least A exp(mean of their logits) (Jensen), its faint keys
        together at most Z exp(bias + their largest logit), and the two logits differ by at most
        |q| |k - mean anchor| / sqrt(d) (Cauchy-Schwarz).

        Args:
            q, k: (B, H, Lq, D) and (B, H_kv, keys, D) as they enter the attention, scaled by
                1 / sqrt(D) there; H is a whole multiple of H_kv, as for ``attend``.

        Returns:
            () bool on the device of q; nothing waits for it.
        """
        longest = norms(q).amax(2).unflatten(1, (k.shape[1], -1)).amax(2, keepdim=True)
        means = k[:, :, self.anchors.flatten()].unflatten(2, self.anchors.shape).mean(3)
        excess = ROUNDING * longest * farthest(k, means)
        return excess.amax() <= self.margin * math.sqrt(q.shape[3])

    def is_exact_below(self, product: float, width: int) -> bool:
        """True if no faint key can count, however the queries and keys lie within these lengths.

        A mean of keys is no longer than the longest, so that no key is farther from it than
        twice that.

        Args:
            product: of the longest query's and the longest key's length; may be NaN (unknown).
            width: D, of a head.
        """
        return 2 * ROUNDING * product <= self.margin * math.sqrt(width)


def farthest(k: Tensor, means: Tensor) -> Tensor:
    """(B, H, C) float32: at least the distance from each of (B, H, C, D) to its farthest key.

    The squares get what rounding may have taken from them, so none is negative.
    """
    squares = norms(k).square()
    row_bytes = k.shape[2] * k.element_size()
    classes = max(1, min(means.shape[2], PROOF_BYTES // row_bytes))
    heads = max(1, PROOF_BYTES // (row_bytes * classes))
    flat = (squares.to(k.dtype)[:, :, None], k.transpose(2, 3), means)
    runs = zip(*(torch.split(one.flatten(0, 1), heads) for one in flat), strict=True)
    found = [
        torch.cat(
            [
                torch.baddbmm(own, part, keys, alpha=-2).amax(2)
                for part in torch.split(some, classes, dim=1)
            ],
            dim=1,
        )
        for own, keys, some in runs
    ]
    relative = torch.cat(found).float().unflatten(0, k.shape[:2]) + norms(means).square()
    spare = (ROUNDING - 1) * squares.amax(2, keepdim=True)
    return (relative + spare).sqrt()


def norms(vectors: Tensor) -> Tensor:
    """Euclidean norms over the last of four dimensions, float32."""
    return cast(Tensor, torch.linalg.vector_norm(vectors, dim=3).float())


def find_faint(bias: AttentionBias) -> Faint | None:
    """The bias without its faint keys.

    None if it has none, or if a class of queries has no open picture key to compare them with (or
    no anchor is left for it, beyond ``ALL_ANCHORS`` classes).
    """
    image = bias.key_class == 0
    faint = [table[(table <= FAINT) & table.isfinite()] for table in (bias.rows, bias.columns)]
    loudest = torch.cat(faint)
    if not len(loudest):
        return None
    open_keys = [((row[bias.key_group] == 0) & image).nonzero()[:, 0] for row in bias.rows]
    count = min(ANCHORS, ALL_ANCHORS // len(open_keys), *(len(places) for places in open_keys))
    if count == 0:
        return None
    spread = torch.arange(count, device=bias.rows.device)
    anchors = torch.stack([places[spread * len(places) // count] for places in open_keys])
    shut = replace(
        bias,
        rows=bias.rows.masked_fill(bias.rows <= FAINT, -math.inf),
        columns=bias.columns.masked_fill(bias.columns <= FAINT, -math.inf),
    )
    margin = -float(loudest.amax()) - math.log(bias.keys / count) - DIGITS
    return Faint(shut, anchors, margin)
