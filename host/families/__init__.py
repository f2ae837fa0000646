"""One file per family of models, and one line for it here.

What is asked of it, and how to add one: docs/add_a_family.md.
"""

from typing import Any

from .chroma import Chroma
from .family import Family, Stage
from .flux import Flux
from .longcat import LongCat
from .ovis import Ovis

FAMILIES: tuple[Family, ...] = (LongCat(), Ovis(), Flux(), Chroma())
"""Asked in this order: LongCat and Ovis are FLUX objects too."""

__all__ = ["FAMILIES", "Family", "Stage", "find_family"]


def find_family(model: Any) -> Family | None:
    """The family of a bare diffusion model, or None."""
    return next((family for family in FAMILIES if family.owns(model)), None)
