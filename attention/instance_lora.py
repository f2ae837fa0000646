"""Which tokens the LoRA of an instance acts on, and how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..mask_ops.instance_lora import RegionLora
from ..mask_ops.smoothing import smooth_masks
from .membership import Membership, assign_tokens
from .recipe import BiasRecipe, Extent, with_nowhere
from .tokens import TokenLayout


@lru_cache(maxsize=8)
def members(
    recipe: BiasRecipe,
    layout: TokenLayout,
    active: tuple[bool, ...],
    extents: tuple[Extent, ...],
) -> Membership:
    """To whom every image token belongs, in the terms of ``BiasRecipe.build``."""
    masks, references, owners = recipe.place(layout, active, extents)
    filling = layout.instances - len(recipe.instances)
    return assign_tokens(
        layout,
        with_nowhere(masks, filling),
        [with_nowhere(one, filling) for one in references],
        owners,
        [*active, *[False] * filling],
    )


@dataclass(frozen=True)
class Rows:
    """Places of a sequence on which a LoRA acts alike.

    Attributes:
        places: (R,) int64.
        strength: of the LoRA.
        share: (R,) float32 in (0, 1], how much of its change each place takes; None: all of it.
    """

    places: Tensor
    strength: float
    share: Tensor | None = None

    def on(self, device: torch.device) -> "Rows":
        """The same on another device."""
        share = None if self.share is None else self.share.to(device)
        return Rows(self.places.to(device), self.strength, share)


def lora_rows(
    layout: TokenLayout, who: Membership, instance: int, lora: RegionLora, tokens: Sequence[int]
) -> list[Rows]:
    """Where in a sequence the LoRA of an instance acts: its prompt, and its tokens of the latent
    and of every reference.

    Args:
        instance: 0-based.
        tokens: the canonical token at each place of the sequence.
    """
    words = torch.zeros(layout.text_total)
    words[layout.text_span(instance + 1)] = 1
    shares = torch.cat([words, image_share(who, instance, lora.ring)])
    order = torch.tensor(tokens, dtype=torch.int64)
    picture = order >= layout.text_total
    if lora.image == lora.text:
        return _rows(shares[order], lora.image)
    parts = ((~picture, lora.text), (picture, lora.image))
    return [rows for part, strength in parts for rows in _rows(shares[order] * part, strength)]


def _rows(shares: Tensor, strength: float) -> list[Rows]:
    """The places whose share is above 0; none at strength 0."""
    places = shares.nonzero()[:, 0]
    if strength == 0 or not len(places):
        return []
    share = shares[places]
    return [Rows(places, strength, None if bool((share == 1).all()) else share)]


def image_share(who: Membership, instance: int, ring: int) -> Tensor:
    """(I,) float32 in [0, 1]: 1 on an instance's image tokens, and falling off around them.

    Args:
        ring: tokens over which it falls off; those of other instances stay 0.
    """
    inside = who.inside[instance].float()
    if ring == 0:
        return inside
    size = 2 * ring + 1
    soft = torch.cat([smooth_masks(grid[instance][None], size).flatten() for grid in who.grids])
    others = who.inside.any(0) & ~who.inside[instance]
    foreign = (who.owner >= 0) & (who.owner != instance)
    return torch.where(others | foreign, 0.0, torch.maximum(inside, soft))
