"""Who owns a token that several masks claim."""

from typing import Literal, get_args

import torch
from torch import Tensor

OverlapPolicy = Literal["shared", "smaller wins", "first wins", "as released"]
AS_RELEASED = "as released"


def resolve_overlap(masks: Tensor, policy: OverlapPolicy) -> Tensor:
    """Apply an overlap policy to masks on the token grid.

    ``shared`` leaves a contested token to all its instances (the union of what they see);
    ``smaller wins`` gives it to the mask with the fewest tokens (MICE's strict variant), ties to
    the first; ``first wins`` to the first in the list. ``as released`` leaves it to all of them
    too; as which one it looks at the picture is for the method to say (``Membership.last_view``).

    Args:
        masks: (N, h, w) bool.

    Returns:
        (N, h, w) bool.

    Raises:
        ValueError: an instance would lose its last token.
    """
    if policy not in get_args(OverlapPolicy):
        raise ValueError(f"policy must be one of {get_args(OverlapPolicy)}, got {policy!r}.")
    if policy in ("shared", AS_RELEASED):
        return masks
    rank = torch.arange(masks.shape[0], device=masks.device)
    if policy == "smaller wins":
        order = masks.flatten(1).sum(1).argsort(stable=True)
        rank = rank[order].argsort()
    claims = torch.where(masks, rank[:, None, None], masks.shape[0])
    owned = masks & (claims == claims.amin(0))
    lost = masks.flatten(1).any(1) & ~owned.flatten(1).any(1)
    if bool(lost.any()):
        numbers = ", ".join(str(n + 1) for n, gone in enumerate(lost) if bool(gone))
        raise ValueError(
            f"with overlap '{policy}' instance {numbers} would lose its last token to others. "
            "Use 'shared', another order, or regions that do not cover each other."
        )
    return owned
