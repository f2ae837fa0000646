"""Instance regions: what they accept, what they refuse, where they land."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.masks import check_mask
from instance_edit.mask_ops.regions import (
    InstanceRegion,
    join_regions,
    picture_sets,
    rasterise,
    region_masks,
)
from instance_edit.prompts.lines import instruction_lines

MASK = torch.zeros(8, 8)
MASK[:4, :4] = 1


def test_a_mask_and_a_box_of_the_same_place_land_on_the_same_tokens() -> None:
    mask = InstanceRegion("a", mask=MASK).on_grid((4, 4))
    box = InstanceRegion("a", box=Box(0, 0, 0.5, 0.5)).on_grid((4, 4))
    assert torch.equal(mask, box)
    assert mask.sum() == 4


def test_a_reference_has_its_own_mask_where_one_is_given() -> None:
    other = torch.zeros(1, 8, 8)
    other[0, 4:, 4:] = 1
    region = InstanceRegion("a", mask=MASK, reference_masks=other)
    assert region.on_grid((2, 2)).tolist() == [[True, False], [False, False]]
    assert region.on_grid((2, 2), reference=0).tolist() == [[False, False], [False, True]]
    with pytest.raises(ValueError, match="one mask per reference"):
        region.on_grid((2, 2), reference=1)


def test_inactive_regions_are_empty_and_do_not_contest_tokens() -> None:
    regions = [InstanceRegion("a", mask=MASK), InstanceRegion("b", mask=MASK)]
    tokens = regions[1].on_grid((2, 2))
    masks = region_masks(regions, (2, 2), overlap="first wins", active=[False, True])
    assert torch.equal(masks, torch.stack([torch.zeros_like(tokens), tokens]))


def test_regions_are_rasterised_whole_whoever_else_claims_their_tokens() -> None:
    regions = [InstanceRegion("a", mask=MASK), InstanceRegion("b", mask=MASK)]
    assert rasterise(regions, (2, 2)).sum() == 2
    assert torch.equal(region_masks(regions, (2, 2)), rasterise(regions, (2, 2)))


@pytest.mark.parametrize("extent", [(3.5, 5.0), (4.0, 4.5)])
def test_a_region_lands_on_the_part_of_the_grid_that_the_picture_spans(
    extent: tuple[float, float],
) -> None:
    """The lower right quarter, on a grid whose last row or column is cut by half."""
    mask = torch.zeros(8, 8)
    mask[4:, 4:] = 1
    box = InstanceRegion("a", box=Box(0.5, 0.5, 1, 1)).on_grid((4, 5), extent)
    painted = InstanceRegion("a", mask=mask).on_grid((4, 5), extent)
    rows, columns = (extent[0] / 2, extent[1] / 2)
    for y in range(4):
        for x in range(5):
            assert bool(box[y, x]) == (y + 1 > rows and x + 1 > columns)
            inside = (min(y + 1, extent[0]) - max(y, rows)) * (
                min(x + 1, extent[1]) - max(x, columns)
            )
            cell = (min(y + 1, extent[0]) - y) * (min(x + 1, extent[1]) - x)
            assert bool(painted[y, x]) == (y + 1 > rows and x + 1 > columns and inside >= cell / 2)
    for region in (InstanceRegion("a", mask=mask), InstanceRegion("a", box=Box(0.5, 0.5, 1, 1))):
        [found] = region_masks([region], (4, 5), extent)
        assert torch.equal(found, region.on_grid((4, 5), extent))


def test_all_regions_land_on_a_reference_by_the_masks_that_they_have_for_it() -> None:
    other = torch.zeros(2, 8, 8)
    other[1, 4:, 4:] = 1
    other[0, :4, 4:] = 1
    regions = [
        InstanceRegion("a", mask=MASK, reference_masks=other),
        InstanceRegion("b", mask=MASK),
    ]
    own, plain = region_masks(regions, (2, 2), reference=1)
    assert own.tolist() == [[False, False], [False, True]]
    assert plain.tolist() == [[True, False], [False, False]]


def test_a_mask_batch_of_one_is_a_mask() -> None:
    assert InstanceRegion("a", mask=MASK[None]).mask.shape == (8, 8)


BATCH = torch.stack([MASK, MASK.flip(0), torch.zeros(8, 8)])


def test_a_batch_of_masks_is_one_region_in_each_picture_and_none_where_it_is_empty() -> None:
    region = InstanceRegion("a", mask=BATCH, strength=2.0)
    assert region.pictures == 3
    first, second, third = (region.on_picture(number) for number in range(3))
    assert first == InstanceRegion("a", mask=MASK, strength=2.0)
    assert second == InstanceRegion("a", mask=MASK.flip(0), strength=2.0)
    assert third is None
    assert region.on_picture(3) == first  # a batch in turns
    with pytest.raises(ValueError, match="masks for 3 pictures, but one picture"):
        region.on_grid((2, 2))
    with pytest.raises(ValueError, match="masks for 2 pictures, but one picture"):
        InstanceRegion("a", mask=BATCH[:2]).on_grid((2, 2))
    one = InstanceRegion("a", mask=MASK)
    assert one.pictures == 1 and one.on_picture(2) is one
    box = InstanceRegion("a", box=Box(0, 0, 1, 1))
    assert box.pictures == 1 and box.on_picture(1) is box


def test_the_regions_of_a_batch_are_set_out_picture_by_picture() -> None:
    batch, one = InstanceRegion("a", mask=BATCH), InstanceRegion("b", mask=MASK)
    sets = picture_sets([batch, one])
    assert [[region.instruction for region in several] for several in sets] == [
        ["a", "b"],
        ["a", "b"],
        ["b"],
    ]
    assert picture_sets([one, one]) == [(one, one)]
    with pytest.raises(ValueError, match="no region has anything in picture 3"):
        picture_sets([batch])
    with pytest.raises(ValueError, match=r"masks for \[2, 3\] pictures"):
        picture_sets([batch, InstanceRegion("c", mask=BATCH[:2])])


@pytest.mark.parametrize(
    "change",
    [
        {"instruction": "b"},
        {"mask": MASK.flip(0)},
        {"mask": MASK * 0.5},
        {"mask": None, "box": Box(0, 0, 0.5, 0.5)},
        {"strength": 0.5},
        {"start": 0.1},
        {"end": 0.9},
        {"reference": 0},
        {"reference_masks": MASK[None]},
        {"origin": "found"},
    ],
)
def test_regions_are_equal_if_and_only_if_all_that_they_say_is(change: dict[str, Any]) -> None:
    region = InstanceRegion("a", mask=MASK)
    same = InstanceRegion("a", mask=MASK.clone())
    assert region == same and hash(region) == hash(same)
    other = replace(region, **change)
    assert region != other and hash(region) != hash(other)
    assert region != "a"


def test_masks_of_as_many_bytes_but_another_form_or_meaning_are_not_equal() -> None:
    wide, tall = torch.ones(2, 8, dtype=torch.bool), torch.ones(8, 2, dtype=torch.bool)
    assert InstanceRegion("a", mask=wide) != InstanceRegion("a", mask=tall)
    assert InstanceRegion("a", mask=wide) != InstanceRegion("a", mask=wide.to(torch.uint8))


@pytest.mark.parametrize("values", [-1.0, 0.0])
def test_a_mask_without_a_positive_pixel_is_empty(values: float) -> None:
    with pytest.raises(ValueError, match="it is empty"):
        check_mask(torch.full((2, 2), values), "it")


def test_the_neutral_values_and_the_bounds_are_accepted() -> None:
    region = InstanceRegion("a", mask=MASK)
    assert (region.strength, region.start, region.end, region.reference) == (1.0, 0.0, 1.0, None)
    InstanceRegion("a", mask=MASK, strength=0.0, start=0.0, end=1e-6, reference=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "mask or a box"),
        ({"mask": MASK, "box": Box(0, 0, 1, 1)}, "mask or a box"),
        ({"mask": torch.zeros(8, 8)}, "empty"),
        ({"mask": torch.full((8, 8), torch.nan)}, "NaN"),
        ({"mask": torch.where(MASK > 0, MASK, torch.nan)}, "NaN"),
        ({"mask": torch.full((8, 8), torch.inf)}, "infinite"),
        ({"mask": torch.ones(2, 2, 8, 8)}, "Convert Image to Mask"),
        ({"mask": torch.ones(0, 8)}, r"got \(1, 0, 8\)"),
        ({"box": (0.5, 0.5, 0.5, 0.9)}, "empty"),
        ({"box": (1.5, 0.5, 2.5, 0.9)}, "outside the picture"),
        ({"mask": MASK, "strength": -1.0}, "strength"),
        ({"mask": MASK, "strength": float("nan")}, "strength"),
        ({"mask": MASK, "strength": float("inf")}, "strength"),
        ({"mask": MASK, "start": -0.1}, "start < end"),
        ({"mask": MASK, "start": 0.6, "end": 0.5}, "start < end"),
        ({"mask": MASK, "start": 0.5, "end": 0.5}, "start < end"),
        ({"mask": MASK, "end": 1.5}, "start < end"),
        ({"mask": MASK, "reference": -1}, "reference"),
        ({"mask": MASK, "reference_masks": torch.zeros(1, 8, 8)}, "reference mask 1 is empty"),
    ],
)
def test_a_region_that_makes_no_sense_is_refused(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        InstanceRegion("a", **arguments)


def test_regions_are_joined_in_order_and_boxes_fit_any_mask() -> None:
    regions = [InstanceRegion(text, mask=MASK) for text in "ab"]
    box = InstanceRegion("c", box=Box(0, 0, 1, 1))
    assert join_regions(regions, [box]) == (*regions, box)
    assert join_regions([], []) == ()
    batch = InstanceRegion("d", mask=BATCH)
    assert join_regions(regions, [batch]) == (*regions, batch)


def test_masks_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="8 x 8, 9 x 8"):
        join_regions([InstanceRegion("a", mask=MASK)], [InstanceRegion("b", mask=torch.ones(8, 9))])


@pytest.mark.parametrize("text", ["one\ntwo\nthree", ""])
def test_more_or_fewer_instructions_than_masks_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="for 2 masks"):
        instruction_lines(text, 2, "masks")


def test_one_instruction_serves_all_masks() -> None:
    assert instruction_lines(" one \n", 3, "masks") == ["one", "one", "one"]


def test_blank_lines_at_the_ends_do_not_count() -> None:
    assert instruction_lines("\n one \n two \n\n", 2, "masks") == ["one", "two"]
