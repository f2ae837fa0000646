"""Who may attend to whom: pure torch, one file per method."""

from .bias import AttentionBias
from .idattn import idattn_bias
from .mice import mice_bias
from .released_mice import released_mice_bias
from .tokens import TokenLayout

__all__ = ["AttentionBias", "TokenLayout", "idattn_bias", "mice_bias", "released_mice_bias"]
