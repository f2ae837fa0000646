"""What a bias lets through, against a loop over every pair of tokens."""

from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from torch import Tensor

from instance_edit.attention import TokenLayout, idattn_bias, mice_bias
from instance_edit.attention.membership import assign_tokens
from instance_edit.attention.reach import KEY_GROUPS, QUERY_GROUPS, Reach, bias_reach

from .bias_cases import Case, bias_cases, squares
from .naive_bias import Scene, Token


def in_group(token: Token, name: str, n: int | None) -> bool:
    """Whether a token is of a group as instance n (None: a global query) names it."""
    if token.kind != name[0]:
        return False
    kind = name[-1]
    if token.kind == "T":
        members = {token.prompt} if token.prompt else set()
        if kind == "g":
            return token.prompt == 0
    else:
        members = token.members
    if kind == "u":
        return not members
    if n is None:
        return kind == "n" and bool(members)
    return n in members if kind == "n" else bool(members) and n not in members


def naive_groups(dense: Tensor, tokens: list[Token], instances: int) -> Tensor:
    out = torch.full((len(QUERY_GROUPS), len(KEY_GROUPS)), math.nan)
    for row, query_group in enumerate(QUERY_GROUPS):
        own = range(1, instances + 1) if query_group.endswith("_n") else [None]
        for column, key_group in enumerate(KEY_GROUPS):
            passed = [
                math.exp(dense[i, j])
                for n in own
                for i, query in enumerate(tokens)
                for j, key in enumerate(tokens)
                if in_group(query, query_group, n) and in_group(key, key_group, n)
            ]
            if passed:
                out[row, column] = sum(passed) / len(passed)
    return out


@settings(max_examples=25, deadline=None)
@given(bias_cases())
def test_groups_and_maps_are_means_over_all_pairs(case: Case) -> None:
    layout, masks, reference_masks, owners = case
    given = {"reference_masks": reference_masks, "reference_owners": owners}
    strengths = [1.5] * layout.instances
    for bias in (
        mice_bias(layout, masks, strengths=strengths, **given),
        idattn_bias(layout, masks, kind="dis", **given),
    ):
        reach = bias_reach(bias, layout, assign_tokens(layout, masks, *given.values()))
        dense = bias.dense()
        tokens = Scene(layout.text_lengths, masks, reference_masks, owners).tokens()
        expected = naive_groups(dense, tokens, layout.instances)
        torch.testing.assert_close(reach.groups, expected, equal_nan=True, rtol=1e-4, atol=1e-6)
        for n in range(layout.instances):
            open_ = dense.exp()[layout.latent_span]
            listens = open_[:, layout.text_span(n + 1)].mean(1).view(layout.latent_grid)
            torch.testing.assert_close(reach.listens[n], listens, rtol=1e-4, atol=1e-6)
            inside = open_[masks[n].reshape(-1)][:, layout.latent_span].mean(0)
            torch.testing.assert_close(
                reach.sees[n], inside.view(layout.latent_grid), equal_nan=True, rtol=1e-4, atol=1e-6
            )


def cell(reach: Reach, query: str, key: str) -> float:
    return float(reach.groups[QUERY_GROUPS.index(query), KEY_GROUPS.index(key)])


def test_an_instance_reads_its_own_prompt_and_no_other() -> None:
    layout, masks = squares()
    members = assign_tokens(layout, masks)
    for bias in (mice_bias(layout, masks), idattn_bias(layout, masks, kind="dis")):
        reach = bias_reach(bias, layout, members)
        assert cell(reach, "L_n", "T_n") == 1
        assert cell(reach, "L_n", "T_m") < 1e-6
        assert cell(reach, "L_n", "T_g") == 0
        assert cell(reach, "L_u", "L_u") == 1


def test_a_long_sequence_with_references_is_summed_whole() -> None:
    layout = TokenLayout((3, 2, 4), (24, 24), ((24, 24),))
    masks = torch.zeros(2, 24, 24, dtype=torch.bool)
    masks[0, :5, :7], masks[1, 9:, 3:] = True, True
    bias = mice_bias(layout, masks)
    reach = bias_reach(bias, layout, assign_tokens(layout, masks))
    expected = bias.dense().exp()[layout.latent_span][masks[1].reshape(-1)].mean(0)
    torch.testing.assert_close(reach.sees[1].reshape(-1), expected[layout.latent_span])
    assert math.isclose(cell(reach, "L_n", "T_g"), 0)
