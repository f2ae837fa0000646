"""FoI's disentangled sampling: the instruction moves the picture inside the masks only.

Source: docs/methods.md#foi. The formulas are affine, so they hold for velocities and, on the same
latent and noise level, for predictions of the clean latent alike.
"""

from torch import Tensor

SHARE = 0.75
"""Of the steps, from the first: where the prediction is blended."""


def blend_distilled(
    instructed: Tensor, null: Tensor, union: Tensor | None, *, strength: float = 1.0
) -> Tensor:
    """Guidance-distilled models: ``v(I,0) + s (v(I,T) - v(I,0)) M_U``.

    Args:
        instructed, null: v(I,T) and v(I,0), of one shape (B, C, H, W).
        union: M_U, broadcastable to them, 1 in any mask; None: 1 everywhere.
        strength: s; 1 is neutral.
    """
    change = strength * (instructed - null)
    return null + (change if union is None else change * union)


def blend_guided(
    instructed: Tensor,
    null: Tensor,
    none: Tensor,
    union: Tensor | None,
    *,
    image_scale: float = 1.5,
    text_scale: float = 7.5,
) -> Tensor:
    """With CFG: ``v(0,0) + s_I (v(I,0) - v(0,0)) + s_T (v(I,T) - v(I,0)) M_U``.

    Args:
        instructed, null, none: v(I,T), v(I,0) and v(0,0), of one shape (B, C, H, W).
        union: M_U, broadcastable to them, 1 in any mask; None: 1 everywhere.
        image_scale, text_scale: s_I and s_T; 1 is neutral.
    """
    change = text_scale * (instructed - null)
    kept = none + image_scale * (null - none)
    return kept + (change if union is None else change * union)
