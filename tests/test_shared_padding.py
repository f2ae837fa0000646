"""The global prompt's padding as keys for everybody."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings

from instance_edit.attention import TokenLayout
from instance_edit.attention.execute.attend import attend
from instance_edit.attention.execute.plan import BiasPlan
from instance_edit.attention.shared_padding import share_padding
from instance_edit.tests.attending import BUILDERS, naive, sdpa, tokens
from instance_edit.tests.bias_cases import Case, bias_cases

METHODS = sorted(BUILDERS)


def naive_shared(dense: torch.Tensor, padding: torch.Tensor) -> torch.Tensor:
    """The same by loops over all pairs."""
    out = dense.clone()
    for q in range(len(dense)):
        for k in range(len(dense)):
            if padding[k]:
                out[q, k] = 0.0
            elif padding[q]:
                out[q, k] = -math.inf
    return out


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=15, deadline=None)
@given(case=bias_cases())
def test_it_is_what_the_naive_loops_give(method: str, case: Case) -> None:
    layout, masks, references, owners = case
    bias = BUILDERS[method](layout, masks, reference_masks=references, reference_owners=owners)
    padding = torch.arange(layout.total) < max(1, layout.text_lengths[0] - 1)
    shared = share_padding(bias, padding)
    assert torch.equal(shared.dense(), naive_shared(bias.dense(), padding))
    q, k, v = tokens(shared.keys, shared.queries)
    found = attend(q, k, v, BiasPlan(shared), sdpa, None)
    wanted = naive(q, k, v, shared.dense())
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-6)


def test_no_padding_changes_nothing() -> None:
    layout, masks = TokenLayout((3, 2), (2, 2)), torch.ones(1, 2, 2, dtype=torch.bool)
    bias = BUILDERS[METHODS[0]](layout, masks)
    nothing = torch.zeros(layout.total, dtype=torch.bool)
    assert torch.equal(share_padding(bias, nothing).dense(), bias.dense())
