"""Who may attend to whom: pure torch.

One file per method (``mice``, ``idattn``, ``iid``, ``foi``, ``lqr_highlight``) on what they share:
where every token stands (``tokens``), which instances it belongs to (``membership``), the bias and
how it is put together (``bias``, ``assemble``), when it acts (``schedule``, ``recipe``), and what
is read of an attention (``capture``, ``reach``). ``execute`` computes attention with a bias.
Equations and sources: docs/methods.md. To add a method: docs/add_a_method.md.
"""

from .bias import AttentionBias
from .idattn import idattn_bias
from .mice import mice_bias
from .released_mice import released_mice_bias
from .tokens import TokenLayout

__all__ = ["AttentionBias", "TokenLayout", "idattn_bias", "mice_bias", "released_mice_bias"]
