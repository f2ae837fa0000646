"""Masks that hug their object are told from masks with room, by the edges of the picture."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from instance_edit.demo.scenes import object_masks, render, sample_scenes
from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.masks import grow_mask
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.mask_ops.room import HUGS, edge_strength, find_tight, outline_on_edges

SIDE = 160


def blob(generator: torch.Generator) -> Tensor:
    """(160, 160) bool: a wavy disc somewhere in the middle."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    middle = 60 + 40 * torch.rand(2, generator=generator)
    waves, turn = 3 + int(4 * torch.rand((), generator=generator)), float(middle[0])
    angle = torch.atan2(y - middle[0], x - middle[1])
    radius = 22 + 14 * float(torch.rand((), generator=generator))
    reach = radius * (1 + 0.2 * torch.sin(waves * angle + turn))
    return (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < reach**2


def ground(kind: str, generator: torch.Generator) -> Tensor:
    """(160, 160, 3) in about 0.3 .. 0.6, but for the clutter."""
    plain = 0.3 + 0.2 * torch.rand(3, generator=generator)
    if kind == "plain":
        return plain.expand(SIDE, SIDE, 3).clone()
    if kind == "slope":
        return plain + torch.linspace(-0.1, 0.1, SIDE)[:, None, None]
    if kind == "noise":
        return plain + 0.1 * torch.randn(SIDE, SIDE, 1, generator=generator)
    if kind == "stripes":
        return plain + 0.3 * (torch.sin(torch.arange(SIDE) / 4) > 0)[None, :, None]
    picture = plain.expand(SIDE, SIDE, 3).clone()
    for _ in range(60):
        top, left = (int(v) for v in SIDE * torch.rand(2, generator=generator))
        high, wide = (8 + int(v) for v in 60 * torch.rand(2, generator=generator))
        colour = torch.rand(3, generator=generator)
        picture[top : top + high, left : left + wide] = colour
    return picture


def scene(kind: str, seed: int) -> tuple[Tensor, Tensor]:
    """A picture with one bright thing on a ground, and its silhouette."""
    generator = torch.Generator().manual_seed(seed)
    mask = blob(generator)
    return torch.where(mask[..., None], 0.95, ground(kind, generator)).clamp(0, 1), mask


@pytest.mark.parametrize("kind", ["plain", "slope"])
def test_a_silhouette_hugs_also_when_it_is_drawn_a_little_wide(kind: str) -> None:
    for seed in range(8):
        picture, mask = scene(kind, seed)
        for room in (0, 2):
            share = outline_on_edges(grow_mask(mask, room), picture)
            assert share is not None and share > 0.95, (seed, room)


@pytest.mark.parametrize("kind", ["plain", "slope", "noise", "stripes", "clutter"])
def test_a_mask_with_room_raises_no_alarm_whatever_is_around(kind: str) -> None:
    for seed in range(12):
        picture, mask = scene(kind, seed)
        for room in (6, 8, 16):
            share = outline_on_edges(grow_mask(mask, room), picture)
            assert share is not None and share < HUGS, (seed, room)


def test_of_the_demo_models_silhouettes_nine_in_ten_are_told_and_with_room_none() -> None:
    """In scenes of three to five things; of nine, 12 pixels from each other, six in ten."""
    scenes = sample_scenes(24, torch.Generator().manual_seed(5), 3, 5)
    pictures, masks = render(scenes).movedim(1, -1), object_masks(scenes)
    places = [(b, c) for b in range(24) for c in range(9) if bool(masks[b, c].any())]

    def told(room: int) -> int:
        regions = [(InstanceRegion("x", mask=masks[b, c]).grown(room), b) for b, c in places]
        return sum(bool(find_tight([region], pictures[b])) for region, b in regions)

    assert len(places) > 50
    assert told(0) >= 0.9 * len(places)
    assert told(6) == told(8) == 0


def test_nothing_is_said_of_boxes_and_of_things_that_do_not_stand_out() -> None:
    picture, mask = scene("noise", 3)
    hidden = torch.full_like(picture, 0.5)
    assert find_tight([InstanceRegion("x", mask=mask)], hidden) == []
    plain, _ = scene("plain", 3)
    assert find_tight([InstanceRegion("x", box=Box(0.2, 0.2, 0.6, 0.6))], plain) == []
    assert outline_on_edges(torch.ones(SIDE, SIDE, dtype=torch.bool), plain) is None
    assert outline_on_edges(torch.zeros(SIDE, SIDE, dtype=torch.bool), plain) is None


def test_a_finding_names_its_instance_the_reason_and_the_remedy() -> None:
    picture, mask = scene("plain", 1)
    roomy = InstanceRegion("x", mask=grow_mask(mask, 8))
    (found,) = find_tight([roomy, InstanceRegion("x", mask=mask, label="cat")], picture)
    assert (found.problem, found.instances) == ("tight", (2,))
    assert "hugs its object: 100% of its outline" in found.text and "cat" in found.text
    assert "Set 'grow' to 8 or more" in found.text


def test_a_mask_of_another_size_is_laid_over_the_picture_and_one_of_another_shape_is_not() -> None:
    picture, mask = scene("plain", 1)
    half = mask[::2, ::2].clone()
    assert len(find_tight([InstanceRegion("x", mask=half)], picture)) == 1
    assert find_tight([InstanceRegion("x", mask=mask[:90])], picture) == []


def test_an_edge_is_how_much_the_picture_changes_over_two_pixels() -> None:
    picture = torch.zeros(5, 6, 2)
    picture[:, 3:, 1] = 0.5
    picture[3:, :, 0] = 0.2
    found = edge_strength(picture)
    assert found[1].tolist() == pytest.approx([0, 0, 0.5, 0.5, 0, 0])
    assert float(found[3, 0]) == pytest.approx(0.2)
    diagonal = torch.zeros(5, 5, 1)
    diagonal[2:, 2:] = 1.0
    assert float(edge_strength(diagonal)[2, 2]) == pytest.approx(math.sqrt(2))
