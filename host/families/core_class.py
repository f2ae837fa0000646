"""Which class of ComfyUI a model is of, without importing what an older ComfyUI lacks."""

import sys
from typing import Any


def is_made_by(model: Any, module: str, name: str) -> bool:
    """True if a model is an object of a class of core, or of one derived from it.

    A module that nobody has imported has made no model.
    """
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(model, getattr(loaded, name, ()))
