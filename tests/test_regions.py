"""Instance regions: what they accept, what they refuse, where they land."""

import pytest
import torch

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion, join_regions, region_masks
from instance_edit.prompts.lines import instruction_lines

MASK = torch.zeros(8, 8)
MASK[:4, :4] = 1


def test_a_mask_and_a_box_of_the_same_place_land_on_the_same_tokens():
    mask = InstanceRegion("a", mask=MASK).on_grid((4, 4))
    box = InstanceRegion("a", box=Box(0, 0, 0.5, 0.5)).on_grid((4, 4))
    assert torch.equal(mask, box)
    assert mask.sum() == 4


def test_a_reference_has_its_own_mask_where_one_is_given():
    other = torch.zeros(1, 8, 8)
    other[0, 4:, 4:] = 1
    region = InstanceRegion("a", mask=MASK, reference_masks=other)
    assert region.on_grid((2, 2)).tolist() == [[True, False], [False, False]]
    assert region.on_grid((2, 2), reference=0).tolist() == [[False, False], [False, True]]
    with pytest.raises(ValueError, match="one mask per reference"):
        region.on_grid((2, 2), reference=1)


def test_inactive_regions_are_empty_and_do_not_contest_tokens():
    regions = [InstanceRegion("a", mask=MASK), InstanceRegion("b", mask=MASK)]
    masks = region_masks(regions, (2, 2), overlap="first wins", active=[False, True])
    assert masks.flatten(1).any(1).tolist() == [False, True]


def test_a_mask_batch_of_one_is_a_mask():
    assert InstanceRegion("a", mask=MASK[None]).mask.shape == (8, 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "mask or a box"),
        ({"mask": MASK, "box": Box(0, 0, 1, 1)}, "mask or a box"),
        ({"mask": torch.zeros(8, 8)}, "empty"),
        ({"mask": torch.full((8, 8), torch.nan)}, "NaN"),
        ({"mask": torch.full((8, 8), torch.inf)}, "infinite"),
        ({"mask": torch.ones(2, 1, 8, 8)}, "Instance Regions from Masks"),
        ({"mask": torch.ones(0, 8)}, "one picture"),
        ({"box": (0.5, 0.5, 0.5, 0.9)}, "empty"),
        ({"box": (1.5, 0.5, 2.5, 0.9)}, "outside the picture"),
        ({"mask": MASK, "strength": -1.0}, "strength"),
        ({"mask": MASK, "strength": float("nan")}, "strength"),
        ({"mask": MASK, "start": 0.5, "end": 0.5}, "start < end"),
        ({"mask": MASK, "end": 1.5}, "start < end"),
        ({"mask": MASK, "reference": -1}, "reference"),
        ({"mask": MASK, "reference_masks": torch.zeros(1, 8, 8)}, "reference mask is empty"),
    ],
)
def test_a_region_that_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        InstanceRegion("a", **arguments)


def test_masks_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="8 x 8, 9 x 8"):
        join_regions([InstanceRegion("a", mask=MASK)], [InstanceRegion("b", mask=torch.ones(8, 9))])


@pytest.mark.parametrize("text", ["one", "one\ntwo\nthree", ""])
def test_more_or_fewer_instructions_than_masks_are_refused(text):
    with pytest.raises(ValueError, match="for 2 masks"):
        instruction_lines(text, 2, "masks")


def test_blank_lines_at_the_ends_do_not_count():
    assert instruction_lines("\n one \n two \n\n", 2, "masks") == ["one", "two"]
