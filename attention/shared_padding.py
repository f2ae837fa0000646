"""The global prompt's padding as keys for everybody (ours; docs/methods.md#shared-rules).

A model may use its text's padding as a resting place, where a query looks that needs nothing. Under
a bias that keeps an instance to itself that place is missing.
"""

from dataclasses import replace

import torch
from torch import Tensor

from .bias import AttentionBias


def share_padding(bias: AttentionBias, padding: Tensor) -> AttentionBias:
    """The bias with some keys open to every query; as queries they see each other alone.

    So nothing of an instance reaches another one through them.

    Args:
        bias: square, over the Z tokens of the joint sequence.
        padding: (Z,) bool, tokens of the global prompt.
    """
    shut = float("-inf")
    classes, groups = bias.rows.shape
    rows = torch.cat([bias.rows, bias.rows.new_zeros(classes, 1)], dim=1)
    own_row = rows.new_full((1, groups + 1), shut)
    own_row[:, 1] = own_row[:, groups] = 0.0  # 1: instance prompts, which columns shut
    own_column = bias.columns.new_full((bias.columns.shape[0], 1), shut)
    own_column[0] = 0.0
    return replace(
        bias,
        rows=torch.cat([rows, own_row]),
        columns=torch.cat([bias.columns, own_column], dim=1),
        query_class=bias.query_class.masked_fill(padding, classes),
        query_group=bias.query_group.masked_fill(padding, bias.columns.shape[1]),
        key_group=bias.key_group.masked_fill(padding, groups),
    )
