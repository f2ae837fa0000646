"""Which tokens stay in the sequence when the background is skipped, and what that saves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

import torch
from torch import Tensor

from ..mask_ops.masks import grow_mask
from .tokens import TokenLayout

Context = Literal["whole", "near regions"]
CONTEXTS: tuple[Context, ...] = get_args(Context)
LINEAR = 6
"""A block's linear layers take 24 n d^2 multiplications for n tokens of width d, its attention
4 n^2 d: as much as 6 d more keys would."""


@dataclass(frozen=True)
class Skipping:
    """How much of a picture stays.

    Attributes:
        margin: tokens around every region that stay too.
        context: what stays of references that show the scene.
        full_steps: first steps that are computed whole.
    """

    margin: int = 1
    context: Context = "whole"
    full_steps: int = 0

    def __post_init__(self) -> None:
        if self.margin < 0:
            raise ValueError(f"margin must be 0 tokens or more, got {self.margin}.")
        if self.context not in CONTEXTS:
            raise ValueError(f"context must be one of {list(CONTEXTS)}, got {self.context!r}.")
        if self.full_steps < 0:
            raise ValueError(f"full_steps must be 0 or more, got {self.full_steps}.")


def near(masks: Tensor, margin: int) -> Tensor:
    """(h, w) bool: tokens of any mask, and those at most ``margin`` rows and columns from one.

    Args:
        masks: (N, h, w) bool on one token grid.
    """
    return grow_mask(masks.any(0), margin)


def kept_references(
    masks: Sequence[Tensor], owners: Sequence[int | None], how: Skipping
) -> list[Tensor]:
    """Per reference (h, w) bool: its tokens that stay.

    A reference of one instance stays whole: all of it belongs to its owner.

    Args:
        masks: per reference (N, h, w) bool, where the instances are in it.
        owners: per reference the instance that owns it, or None for the scene.
    """
    whole = how.context == "whole"
    return [
        torch.ones_like(one[0]) if whole or owner is not None else near(one, how.margin)
        for one, owner in zip(masks, owners, strict=True)
    ]


def without(order: Sequence[int], layout: TokenLayout, kept: Tensor) -> tuple[int, ...]:
    """The places of a sequence whose image tokens stay; all text stays.

    Args:
        order: the canonical token at each place.
        kept: (image tokens,) bool, the latent's first.
    """
    stays = torch.ones(layout.total, dtype=torch.bool)
    stays[layout.text_total :] = kept
    places = torch.tensor(order)
    return tuple(cast("list[int]", places[stays[places]].tolist()))


def work_share(kept: int, total: int, width: int) -> float:
    """What a forward over ``kept`` tokens costs, as a share of one over ``total``.

    Args:
        width: of a token's features.
    """
    return kept * (LINEAR * width + kept) / (total * (LINEAR * width + total))
