"""Adaptive attention of multi-turn editing: the edit's words count more where they already act.

Multi-turn Consistent Image Editing (arXiv 2505.04320) multiplies attention weights after the
softmax: those of image queries on the instruction's keys, by 2 inside a region that it finds from
the previous step's maps and by 0.8 outside. Such weights do not sum to one
(``published_attention``). Our own form, ``highlighted_attention``, adds the logarithm of the factor
to the logits before the softmax instead: the odds between those keys and all others change by the
same factor, and the weights sum to one (docs/methods.md#multi-turn-editing).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]
RANKS = (9 / 19, 14 / 19)
"""The paper's ranks 10 to 14 of FLUX.1's 19 double blocks, as shares of all ranks."""
SHARPNESS = 10


@dataclass(frozen=True)
class Highlight:
    """What adaptive attention does, and from when on.

    Attributes:
        inside, outside: factors on the attention to the edit's words, > 0; 1 is neutral.
        threshold: of the map, in (0, 1); a lower one makes the region larger.
        first_step: the first step that is changed, counted from 1, at least 2.
        normalised: the weights sum to one again; False is the paper's form.
    """

    inside: float = 2.0
    outside: float = 0.8
    threshold: float = 0.3
    first_step: int = 5
    normalised: bool = True

    def __post_init__(self) -> None:
        if min(self.inside, self.outside) <= 0:
            raise ValueError(
                "the factors inside and outside must be above 0 (1 is neutral), got "
                f"{self.inside} and {self.outside}."
            )
        if not 0 < self.threshold < 1 or self.first_step < 2:
            raise ValueError(
                "threshold must be between 0 and 1 and first_step at least 2 (it needs the maps of "
                f"the step before), got {self.threshold} and {self.first_step}."
            )


def highlighted_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    keys: Tensor,
    factor: Tensor,
    out: Tensor,
    share: Tensor,
    attention: Attention,
) -> Tensor:
    """Attention with log(factor) added to the logits of some keys, without a matrix of biases.

    With P the plain weights, S their sum over the keys and E = P v over the keys alone,
    ``softmax(logits + log f) v = (P v + (f - 1) E) / (1 + (f - 1) S)``.

    Args:
        q, k, v: (B, H, Lq, D) and (B, H, Z, D) twice.
        keys: (Z,) bool.
        factor: (B, Lq) > 0 per query.
        out: (B, H, Lq, D), the plain attention's output P v.
        share: (B, H, Lq), S, as ``text_attention`` gives it.
        attention: ``attention(q, k, v) -> (B, H, Lq, D)``, with the masks and biases of ``out``.
    """
    raised = published_attention(q, k, v, keys, factor, out, attention)
    extra = (factor - 1)[:, None, :, None].to(out.dtype)
    return raised / (1 + extra * share[..., None].to(out.dtype))


def published_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    keys: Tensor,
    factor: Tensor,
    out: Tensor,
    attention: Attention,
) -> Tensor:
    """Attention whose weights on some keys are multiplied after the softmax, as in the paper.

    ``P v + (f - 1) E``; arguments as for ``highlighted_attention``.
    """
    part = attention(q, k, v * keys[:, None].to(v.dtype))
    return out + (factor - 1)[:, None, :, None].to(out.dtype) * part


def highlight_region(maps: Tensor, threshold: float = 0.3) -> Tensor:
    """Where the edit acts, from one map per double block.

    Each map is stretched to [0, 1] and sharpened by ``sigmoid(10 (h - 0.5))``; the blocks are
    ranked by the sum of their sharpened map, highest first, and those of the middle ranks averaged.

    Args:
        maps: (blocks, B, L), the attention of image queries on the edit's words, mean of the heads.

    Returns:
        (B, L) bool.
    """
    low, high = maps.amin(-1, keepdim=True), maps.amax(-1, keepdim=True)
    spread = (high - low).clamp(min=torch.finfo(maps.dtype).tiny)
    sharp = torch.sigmoid(SHARPNESS * ((maps - low) / spread - 0.5))
    order = sharp.sum(-1).argsort(0, descending=True)[middle_ranks(maps.shape[0])]
    middle = sharp.gather(0, order[..., None].expand(-1, -1, maps.shape[2]))
    return middle.mean(0) > threshold


def middle_ranks(blocks: int) -> slice:
    """Ranks 10 to 14 of 19, or the same quantiles of another depth; at least one."""
    start = round(RANKS[0] * blocks)
    return slice(start, max(round(RANKS[1] * blocks), start + 1))
