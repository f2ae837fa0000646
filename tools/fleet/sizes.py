"""The size at which a model gets a picture."""

from __future__ import annotations

import math

MULTIPLE = 16


def fitted_size(width: int, height: int, area: float) -> tuple[int, int]:
    """(width, height) of about ``area`` pixels in the same proportion, floored to MULTIPLE."""
    scale = math.sqrt(area / (width * height))
    sides = (round(side * scale) // MULTIPLE * MULTIPLE for side in (width, height))
    fitted_width, fitted_height = (max(side, MULTIPLE) for side in sides)
    return fitted_width, fitted_height
