"""Which tokens the LoRA of an instance acts on, and how much."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from instance_edit.attention.idattn import idattn_bias
from instance_edit.attention.instance_lora import lora_rows, members
from instance_edit.attention.recipe import BiasRecipe
from instance_edit.attention.schedule import equal_stages
from instance_edit.attention.tokens import TokenLayout
from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.instance_lora import RegionLora
from instance_edit.mask_ops.naming import find_instance
from instance_edit.mask_ops.regions import InstanceRegion, with_lora

LAYOUT = TokenLayout((3, 2, 4), (4, 4), ((2, 2), (4, 4)))
LEFT = InstanceRegion("a", box=Box(0, 0, 0.5, 1))
CORNER = InstanceRegion("b", box=Box(0.5, 0.5, 1, 1))
EXTENTS = ((4.0, 4.0), (2.0, 2.0), (4.0, 4.0))
TEXT, LATENT, SMALL, LARGE = range(9), range(9, 25), range(25, 29), range(29, 45)


def strengths(
    regions: tuple[InstanceRegion, ...],
    instance: int,
    lora: RegionLora,
    active: tuple[bool, ...] = (True, True),
    tokens: range | tuple[int, ...] = range(45),
) -> torch.Tensor:
    """Strength times share at every place of a sequence."""
    recipe = BiasRecipe("x", regions, {"dis": idattn_bias}, equal_stages(("dis",)))
    who = members(recipe, LAYOUT, active, EXTENTS)
    found = torch.zeros(len(tokens))
    for rows in lora_rows(LAYOUT, who, instance, lora, tokens):
        found[rows.places] += rows.strength * (1 if rows.share is None else rows.share)
    return found


def by_loop(
    regions: tuple[InstanceRegion, ...], instance: int, lora: RegionLora, tokens: range
) -> torch.Tensor:
    """The same, token by token."""
    left, top, right, bottom = regions[instance].box or Box(0, 0, 1, 1)
    own = {0: range(3, 5), 1: range(5, 9)}[instance]
    found: list[float] = []
    for token in tokens:
        if token in TEXT:
            found.append(lora.text if token in own else 0.0)
            continue
        number, place, side = next(
            (n, token - one.start, side)
            for n, (one, side) in enumerate(((LATENT, 4), (SMALL, 2), (LARGE, 4)))
            if token in one
        )
        y, x = (place // side + 0.5) / side, (place % side + 0.5) / side
        owner = next((n for n, r in enumerate(regions) if r.reference == number - 1), None)
        inside = left <= x < right and top <= y < bottom
        open_here = inside if owner is None or number == 0 else owner == instance
        found.append(lora.image if open_here else 0.0)
    return torch.tensor(found)


@pytest.mark.parametrize("instance", [0, 1])
@pytest.mark.parametrize("reference", [None, 0, 1])
@pytest.mark.parametrize("lora", [RegionLora("x"), RegionLora("x", 0.5, -2.0)])
def test_it_acts_on_the_instances_words_and_tokens_alone(instance, reference, lora) -> None:
    regions = (replace(LEFT, reference=reference), CORNER)
    for tokens in (range(45), TEXT, range(9, 45)):
        got = strengths(regions, instance, lora, tokens=tokens)
        assert torch.equal(got, by_loop(regions, instance, lora, tokens))


def test_it_finds_its_tokens_in_whatever_order_they_stand() -> None:
    order = (*LARGE, *reversed(TEXT), *LATENT, *SMALL)
    whole = strengths((LEFT, CORNER), 0, RegionLora("x", 0.5, 2.0))
    turned = strengths((LEFT, CORNER), 0, RegionLora("x", 0.5, 2.0), tokens=order)
    assert torch.equal(turned, whole[torch.tensor(order)])


def test_an_instance_that_is_away_has_no_tokens_for_it() -> None:
    got = strengths((LEFT, CORNER), 0, RegionLora("x", text=0.0), active=(False, True))
    assert not got.any()


def test_at_strength_0_it_acts_on_nothing() -> None:
    assert not strengths((LEFT, CORNER), 0, RegionLora("x", 0, 0)).any()
    assert not RegionLora("x", 0, 0).acts


def test_a_ring_falls_off_where_no_other_instance_is() -> None:
    hard = strengths((LEFT, CORNER), 0, RegionLora("x"))
    soft = strengths((LEFT, CORNER), 0, RegionLora("x", ring=1))
    more = (soft != hard).nonzero()[:, 0].tolist()
    assert more == [11, 15, 26, 31, 35]  # the third column where the corner's instance is not
    assert bool((soft[more] > 0.1).all()) and bool((soft[more] < 0.5).all())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"file": ""}, "needs the name of its file"),
        ({"image": float("nan")}, "strength must be finite"),
        ({"text": float("inf")}, "strength must be finite"),
        ({"ring": 9}, "ring must be 0 to 8 tokens, got 9"),
        ({"ring": -1}, "ring must be 0 to 8 tokens"),
    ],
)
def test_a_lora_that_says_nothing_sensible_is_refused(values, said) -> None:
    with pytest.raises(ValueError, match=said):
        RegionLora(**{"file": "x", **values})


def test_regions_with_other_loras_are_others() -> None:
    one = with_lora((LEFT, CORNER), 1, RegionLora("x"))
    assert one[0] == LEFT and one[1] != CORNER
    assert one == with_lora((LEFT, CORNER), 1, RegionLora("x"))
    assert one[1] != with_lora((LEFT, CORNER), 1, RegionLora("x", 0.5))[1]


@pytest.mark.parametrize(
    ("which", "labels", "number"),
    [
        ("2", ("", ""), 1),
        (" 1 ", ("", ""), 0),
        ("Fox", ("dog", "fox"), 1),
        ("1", ("2", "1"), 1),
        ("2", ("x", ""), 1),
    ],
)
def test_an_instance_is_found_by_its_label_or_its_number(which, labels, number) -> None:
    assert find_instance(which, labels) == number


@pytest.mark.parametrize("which", ["0", "3", "", "cat", "1.0", "-1"])
def test_an_instance_that_is_not_there_is_refused(which) -> None:
    with pytest.raises(ValueError, match="number from 1 to 2 or the label .* instance 1 .'fox'"):
        find_instance(which, ("fox", ""))


def test_a_label_that_several_have_is_refused() -> None:
    with pytest.raises(ValueError, match="which several have"):
        find_instance("fox", ("fox", "Fox"))
