"""One file per family of models, and one line for it here.

What is asked of it, and how to add one: docs/add_a_family.md.
"""

from typing import Any

from .anima import Anima
from .chroma import Chroma
from .family import Family, Norms, Stage, Stream
from .flux import Flux
from .joyimage import JoyImage
from .krea2 import Krea2
from .longcat import LongCat
from .lumina import Lumina2
from .omnigen2 import Boogu, OmniGen2
from .ovis import Ovis
from .qwen import MageFlow, QwenImage
from .wan import Wan

FAMILIES: tuple[Family, ...] = (
    *(LongCat(), Ovis(), Flux(), Chroma()),
    *(QwenImage(), MageFlow()),
    *(Krea2(), Boogu(), OmniGen2(), Lumina2(), JoyImage(), Wan(), Anima()),
)
"""Asked in this order: LongCat and Ovis are FLUX objects too."""

__all__ = ["FAMILIES", "Family", "Norms", "Stage", "Stream", "find_family"]


def find_family(model: Any) -> Family | None:
    """The family of a bare diffusion model, or None."""
    return next((family for family in FAMILIES if family.owns(model)), None)
