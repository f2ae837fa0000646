"""Who may attend to whom: pure torch, one file per method.

What each computes, with its source: docs/methods.md. To add one: docs/add_a_method.md.
"""

from .bias import AttentionBias
from .idattn import idattn_bias
from .mice import mice_bias
from .released_mice import released_mice_bias
from .tokens import TokenLayout

__all__ = ["AttentionBias", "TokenLayout", "idattn_bias", "mice_bias", "released_mice_bias"]
