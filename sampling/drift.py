"""Drift or edit: what a new picture shares with earlier ones up to a tolerance is put back.

Ours, see docs/methods.md#multi-turn-editing.
"""

import torch
from torch import Tensor


def undo_drift(
    latent: Tensor, first: Tensor, previous: Tensor, tolerance: float = 0.1
) -> tuple[Tensor, Tensor]:
    """The latent with every place that only drifts put back exactly.

    A place whose distance (``channel_rms``) to the first picture is within the tolerance becomes
    the first picture's; else, if it is as near to the previous picture, that one's. So many turns
    do not add up, earlier edits stay, and nothing moves by more than the tolerance. No paper has
    this: it is our own.

    Args:
        latent: (B, C, ..), a result or a predicted clean picture.
        first: the picture before any edit, shape of the latent or with a batch of one.
        previous: the picture that this turn starts from, likewise.
        tolerance: >= 0, on the scale of the model's latents, whose standard deviation is about 1.

    Returns:
        The latent, shape as it came, and (B, 1, ..) bool, True where it was put back.

    Raises:
        ValueError: a negative tolerance, or pictures of another shape.
    """
    check_tolerance(tolerance)
    check_pictures(latent, first, previous)
    near_first = channel_rms(latent - first) <= tolerance
    near_previous = channel_rms(latent - previous) <= tolerance
    kept = torch.where(near_first, first, torch.where(near_previous, previous, latent))
    return kept, near_first | near_previous


def channel_rms(difference: Tensor) -> Tensor:
    """Root mean square over the channels, (B, C, ..) to (B, 1, ..)."""
    return difference.square().mean(1, keepdim=True).sqrt()


def check_tolerance(tolerance: float) -> None:
    """Refuse a negative tolerance, and one that is not a number."""
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be 0 or more, got {tolerance}.")


def check_pictures(x: Tensor, *pictures: Tensor) -> None:
    """Refuse earlier pictures that are not of x's shape, or of that with a batch of one.

    Raises:
        ValueError: with what differs, the size or the number of pictures.
    """
    for picture in pictures:
        if picture.shape[1:] != x.shape[1:]:
            raise ValueError(
                f"the pictures of the earlier turns have latents of shape {(*picture.shape,)}, "
                f"this one has {(*x.shape,)}. Keep the size of the picture from turn to turn, or "
                "begin again with a Turn Memory that has no turn connected."
            )
        if picture.shape[0] not in (1, x.shape[0]):
            raise ValueError(
                f"the batch of the earlier turns has {picture.shape[0]} pictures, this one has "
                f"{x.shape[0]}: they must be as many, or one picture that all of them started "
                "from. Go on with all of them, or begin again with a Turn Memory that has no turn "
                "connected."
            )
