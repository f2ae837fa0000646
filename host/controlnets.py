"""ControlNets read the text with an attention of their own: they get the global prompt alone."""

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from .call import KEY
from .carrier import SpansCond, appended_tokens

TEXT = "cross_attn_controlnet"
"""Core's own name, in a conditioning, of the text that its ControlNet reads."""


def show_global_prompt(
    conds: Mapping[str, Sequence[MutableMapping[str, Any]]], padded_to: int
) -> None:
    """Give the ControlNet of every conditioning with instances the global prompt for its text.

    A net's attention has no bias, so it would carry one instance's words to all others. A text that
    another node chose for the net stays.

    Args:
        conds: core's own, of one run; changed in place.
        padded_to: see ``Family.padded_to``.
    """
    for cond in (cond for several in conds.values() for cond in several):
        carried: SpansCond | None = cond.get("model_conds", {}).get(KEY)
        if carried is None or cond.get("control") is None or TEXT in cond:
            continue
        text, world = cond["cross_attn"], carried.items[0].lengths[0]
        behind = text.shape[1] - appended_tokens(carried, text)
        shown = torch.cat([text[:, :world], text[:, behind:]], dim=1)
        cond[TEXT] = F.pad(shown, (0, 0, max(padded_to - shown.shape[1], 0), 0))
