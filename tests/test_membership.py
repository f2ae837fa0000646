"""Which instance every image token belongs to."""

import importlib
import re

import pytest
import torch
from hypothesis import given
from torch import Tensor

from instance_edit.attention.membership import assign_tokens
from instance_edit.attention.tokens import TokenLayout
from instance_edit.mask_ops.token_grid import resize_token_masks
from instance_edit.tests.bias_cases import scenes
from instance_edit.tests.naive_bias import Scene

LAYOUT = TokenLayout((1, 1, 1), (2, 3), ((2, 2), (1, 2)))


def masks() -> Tensor:
    found = torch.zeros(2, 2, 3, dtype=torch.bool)
    found[0, 0] = True
    found[1, :, 2] = True
    return found


@given(scenes())
def test_members_and_owners_are_those_of_the_naive_loops(case: tuple[TokenLayout, Scene]) -> None:
    layout, scene = case
    found = assign_tokens(layout, scene.masks, scene.references, scene.owners, scene.active)
    tokens = [token for token in scene.tokens() if token.kind != "T"]
    for i, token in enumerate(tokens):
        assert {n + 1 for n in range(layout.instances) if found.inside[n, i]} == token.members
        assert int(found.owner[i]) == (token.owner or 0) - 1
        assert bool(found.scene[i]) == (token.owner is None)
    assert torch.cat([grid.flatten(1) for grid in found.grids], 1).equal(found.inside)
    live = [scene.live(n + 1) for n in range(layout.instances)]
    assert found.active.tolist() == live


@given(scenes())
def test_a_class_is_nobody_an_instance_or_a_set_of_several(case: tuple[TokenLayout, Scene]) -> None:
    layout, scene = case
    found = assign_tokens(layout, scene.masks, scene.references, scene.owners, scene.active)
    classes, overlaps = found.classes()
    for i, number in enumerate(classes.tolist()):
        inside = tuple(n for n in range(layout.instances) if found.inside[n, i])
        if number <= layout.instances:
            assert inside == (() if number == 0 else (number - 1,))
        else:
            assert inside == overlaps[number - layout.instances - 1]
    assert all(len(several) > 1 for several in overlaps)
    assert len(set(overlaps)) == len(overlaps)


def test_references_without_masks_take_those_of_the_latent_resized() -> None:
    found = assign_tokens(LAYOUT, masks())
    for grid, size in zip(found.grids[1:], LAYOUT.reference_grids, strict=True):
        assert torch.equal(grid, resize_token_masks(masks(), size))


def test_all_tokens_of_an_owned_reference_belong_to_its_owner_whatever_its_mask() -> None:
    given = [torch.zeros(2, 2, 2, dtype=torch.bool), torch.zeros(2, 1, 2, dtype=torch.bool)]
    found = assign_tokens(LAYOUT, masks(), given, [1, None])
    assert found.grids[1][1].all() and not found.grids[1][0].any()
    assert found.owner.tolist() == [-1] * 6 + [1] * 4 + [-1] * 2


def test_an_inactive_instance_has_no_token_not_even_of_its_own_reference() -> None:
    found = assign_tokens(LAYOUT, masks(), None, [1, None], [True, False])
    assert not found.inside[1].any() and found.inside[0].any()
    assert found.owner[6:10].tolist() == [1] * 4
    assert found.active.tolist() == [True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, None, [True]), r"active must name 2 instances, got 1"),
        ((None, [0]), r"reference_owners must name 2 references, got 1"),
        ((None, [0, 2]), r"0 .. 1, got 2"),
        ((None, [-1, None]), r"0 .. 1, got -1"),
        (([masks()],), r"one entry per reference \(2\), got 1"),
        (([masks(), masks()],), r"reference_masks\[0\] must be .* \(2, 2, 2\)"),
        (([torch.zeros(2, 2, 2), masks()],), r"reference_masks\[0\] must be bool"),
    ],
)
def test_what_does_not_fit_the_layout_is_refused(
    arguments: tuple[object, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        assign_tokens(LAYOUT, masks(), *arguments)


def test_the_remedy_for_masks_of_another_size_is_there() -> None:
    with pytest.raises(ValueError, match="masks must be") as refused:
        assign_tokens(LAYOUT, torch.ones(2, 3, 3, dtype=torch.bool))
    named = re.search(r"with ([\w.]+)\.(\w+)\.$", str(refused.value))
    assert named is not None
    remedy = getattr(importlib.import_module(f"instance_edit.{named[1]}"), named[2])
    assert remedy(torch.ones(2, 3, 3, dtype=torch.bool), (2, 3)).shape == masks().shape
