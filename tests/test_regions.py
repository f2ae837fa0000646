"""Instance regions: what they accept, what they refuse, where they land."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.masks import check_mask, grow_mask, inside_of
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


def test_a_soft_mask_is_kept_in_256_levels_clamped_to_0_and_1() -> None:
    soft = torch.tensor([[0.0, 0.25, 0.502], [1.0, 1.7, 1e-6]], dtype=torch.float64)
    found = check_mask(soft, "it")
    assert found.dtype == torch.uint8
    assert found.tolist() == [[0, 64, 128], [255, 255, 1]]  # the faintest pixel stays one
    soft[0, 0] = -3.0
    assert check_mask(soft, "it").tolist() == found.tolist()
    with pytest.raises(ValueError, match="it must be one picture"):
        check_mask(soft.expand(2, 2, 3), "it")


def test_a_hard_mask_is_kept_as_bool_and_a_bool_one_as_it_is() -> None:
    hard = check_mask(torch.tensor([[-1.0, 0.0], [1.0, 2.0]]), "it")
    assert hard.dtype == torch.bool and hard.tolist() == [[False, False], [True, True]]
    given = torch.tensor([[True, False]])
    assert check_mask(given, "it").data_ptr() == given.data_ptr()
    levels = torch.tensor([[0, 127]], dtype=torch.uint8)
    assert check_mask(levels, "it").data_ptr() == levels.data_ptr()


def test_levels_cover_tokens_as_the_fractions_that_they_stand_for() -> None:
    soft = torch.rand(9, 7, generator=torch.Generator().manual_seed(0))
    levels = (soft * 255).round().to(torch.uint8)
    for grid in ((3, 4), (9, 7), (2, 2)):
        by_level = InstanceRegion("a", mask=levels).on_grid(grid)
        assert torch.equal(by_level, InstanceRegion("a", mask=levels / 255).on_grid(grid))


def test_a_soft_mask_covers_what_lies_above_the_middle_of_its_own_range() -> None:
    square = torch.zeros(32, 32)
    square[8:24, 8:24] = 1
    wanted = InstanceRegion("a", mask=square).on_grid((8, 8))
    assert wanted.sum() == 16
    for opacity in (1.0, 0.5, 0.49, 0.3, 0.004):
        assert torch.equal(InstanceRegion("a", mask=square * opacity).on_grid((8, 8)), wanted)
    haze = InstanceRegion("a", mask=0.2 + 0.6 * square).on_grid((8, 8))
    assert torch.equal(haze, wanted)
    assert inside_of(torch.full((2, 2), 0.1)).all() and not inside_of(torch.zeros(2, 2)).any()
    batch = torch.stack([square, square.flip(0) * 0.2])
    assert torch.equal(inside_of(batch), batch > 0)


def test_a_blurred_mask_covers_what_it_covered_before() -> None:
    square = torch.zeros(1, 1, 64, 64)
    square[..., 16:48, 16:48] = 1
    blurred = torch.nn.functional.avg_pool2d(square, 9, 1, 4)[0, 0]
    region = InstanceRegion("a", mask=blurred)
    assert torch.equal(region.on_grid((8, 8)), InstanceRegion("a", mask=square[0]).on_grid((8, 8)))


@pytest.mark.parametrize(
    "shape", [(8, 8), (1, 8, 8), (1, 1, 8, 8), (1, 8, 8, 1)], ids=lambda shape: str(shape)
)
def test_masks_are_taken_in_every_shape_that_nodes_hand_round(shape: tuple[int, ...]) -> None:
    assert InstanceRegion("a", mask=MASK.view(shape)) == InstanceRegion("a", mask=MASK)


def test_a_batch_of_masks_with_a_channel_is_a_batch() -> None:
    channels = torch.stack([MASK, MASK.flip(0)])[:, None]
    assert InstanceRegion("a", mask=channels) == InstanceRegion("a", mask=channels[:, 0])
    assert InstanceRegion("a", mask=channels.movedim(1, -1)).pictures == 2
    region = InstanceRegion("a", mask=MASK, reference_masks=channels)
    assert region.reference_masks is not None and region.reference_masks.shape == (2, 8, 8)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64])
def test_masks_are_taken_in_every_number_format(dtype: torch.dtype) -> None:
    assert InstanceRegion("a", mask=MASK.to(dtype)) == InstanceRegion("a", mask=MASK)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.rand(1, 8, 8, 3), r"got \(1, 8, 8, 3\). A picture becomes a mask by Convert Image"),
        (torch.zeros(0, 8, 8), r"got \(0, 8, 8\)"),
        (MASK * 255, "values up to 255; .* Divide a mask of 0 .. 255 by 255"),
        ([[1, 0]], "must be a MASK, got list"),
    ],
)
def test_what_is_no_mask_is_refused_with_a_hint(mask: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        InstanceRegion("a", mask=mask)


def test_the_empty_one_of_several_reference_masks_is_named() -> None:
    with pytest.raises(ValueError, match="reference mask 2 is empty"):
        InstanceRegion("a", mask=MASK, reference_masks=torch.stack([MASK, MASK * 0]))


def test_a_grown_mask_is_wider_by_that_many_pixels_on_every_side() -> None:
    mask = torch.zeros(2, 9, 12)
    mask[0, 4, 5], mask[1, 0, 0] = 1, 0.5
    grown = grow_mask(mask, 2)
    assert grown[0].nonzero().amin(0).tolist() == [2, 3] and grown[0].sum() == 25
    assert grown[1].nonzero().amax(0).tolist() == [2, 2] and float(grown[1].amax()) == 0.5
    region = InstanceRegion("a", mask=mask[0])
    assert region.grown(0) is region
    assert region.grown(2) == InstanceRegion("a", mask=grown[0])


def test_a_grown_box_counts_the_pixels_of_the_picture_it_was_drawn_on() -> None:
    region = InstanceRegion("a", box=Box(0.5, 0.5, 0.6, 1.0), size=(100, 200))
    assert region.grown(10).box == pytest.approx((0.45, 0.4, 0.65, 1.0))
    with pytest.raises(ValueError, match="connect 'image'"):
        InstanceRegion("a", box=Box(0, 0, 1, 1)).grown(1)
    with pytest.raises(ValueError, match="got -1"):
        region.grown(-1)


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


@pytest.mark.parametrize("text", ["one", "one\ntwo\nthree", ""])
def test_more_or_fewer_instructions_than_masks_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="for 2 masks"):
        instruction_lines(text, 2, "masks")


def test_blank_lines_at_the_ends_do_not_count() -> None:
    assert instruction_lines("\n one \n two \n\n", 2, "masks") == ["one", "two"]
