"""ControlNets read the text with an attention of their own: they get the global prompt alone."""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from .carrier import carried_spans, every_cond

TEXT = "cross_attn_controlnet"
"""Core's own name, in a conditioning, of the text that its ControlNet reads."""


def show_global_prompt(
    conds: Mapping[str, Sequence[MutableMapping[str, Any]]], padded_to: int
) -> None:
    """Give the ControlNet of every conditioning with instances the global prompt for its text.

    A net's attention has no bias, so it would carry one instance's words to all others. A text that
    another node chose for the net stays.

    Args:
        conds: core's own, of one run, their spans told what was appended; changed in place.
        padded_to: see ``Family.padded_to``.
    """
    for cond in every_cond(conds):
        carried = carried_spans(cond)
        if carried is None or cond.get("control") is None or TEXT in cond:
            continue
        text, spans = cond["cross_attn"], carried.items[0]
        behind = text.shape[1] - spans.appended
        shown = torch.cat([text[:, : spans.lengths[0]], text[:, behind:]], dim=1)
        cond[TEXT] = F.pad(shown, (0, 0, max(padded_to - shown.shape[1], 0), 0))
