"""Regions follow what is done to their picture."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.fit import (
    Size,
    Window,
    crop_box,
    fit_regions,
    kept_window,
    same_shape,
    window_mask,
)
from instance_edit.mask_ops.regions import InstanceRegion

SIDES = st.integers(1, 40)


def painted(height: int, width: int, *box: int) -> Tensor:
    mask = torch.zeros(height, width)
    y1, x1, y2, x2 = box
    mask[y1:y2, x1:x2] = 1
    return mask


@pytest.mark.parametrize(
    ("before", "after", "window"),
    [
        ((1080, 1920), (752, 1392), (21, 0, 1038, 1920)),
        ((1000, 3000), (672, 1568), (0, 333, 1000, 2334)),
        ((2000, 700), (1568, 672), (183, 0, 1634, 700)),
        ((1024, 1024), (1024, 1024), (0, 0, 1024, 1024)),
    ],
)
def test_a_centre_crop_keeps_whole_pixels_in_the_middle(
    before: Size, after: Size, window: tuple[int, ...]
) -> None:
    found = crop_box(before, after)
    assert found == window == kept_window(before, after)


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES, st.integers(-9, 40), st.integers(-9, 40), SIDES, SIDES)
def test_a_tile_holds_the_masks_pixels_and_nothing_over_the_edge(
    height: int, width: int, top: int, left: int, high: int, wide: int
) -> None:
    mask = torch.rand(height, width, generator=torch.Generator().manual_seed(height))
    found = window_mask(mask, (height, width), Window(top, left, high, wide))
    assert found.shape == (high, wide)
    for y in range(high):
        for x in range(wide):
            inside = 0 <= y + top < height and 0 <= x + left < width
            assert float(found[y, x]) == (float(mask[y + top, x + left]) if inside else 0.0)


def test_a_coarse_mask_is_cut_to_a_pixel_of_its_picture() -> None:
    """A quarter of a picture of 100 pixels, on a mask of 2 x 2: the cut runs through its pixels."""
    mask = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = window_mask(mask, (100, 100), Window(25, 25, 50, 50))
    assert found.shape == (50, 50)
    assert bool((found[:25, :25] == 1).all()) and bool((found[:25, 25:] == 0).all())
    fine = window_mask(mask.repeat_interleave(150, 0), (100, 100), Window(25, 0, 50, 100))
    assert fine.shape == (150, 100)


def test_boxes_and_masks_of_one_place_stay_at_one_place() -> None:
    mask = painted(60, 100, 6, 30, 30, 60)
    regions = [
        InstanceRegion("a", mask=mask),
        InstanceRegion("a", box=Box(0.3, 0.1, 0.6, 0.5), size=(60, 100)),
    ]
    for how, after, offset in (
        ("centre crop", (48, 48), (0, 0)),
        ("stretch", (80, 80), (0, 0)),
        ("pad", (100, 100), (0, 0)),
        ("tile", (40, 50), (0, 25)),
        ("tile", (100, 140), (-20, -20)),
    ):
        by_mask, by_box = fit_regions(regions, (60, 100), after, how, offset)
        assert by_mask.size == by_box.size == after
        apart = by_mask.on_grid(after) != by_box.on_grid(after)
        assert apart.float().mean() < 0.03, how  # a box takes the pixels that it only touches


def test_padding_undoes_a_crop_and_a_hard_mask_stays_hard() -> None:
    mask = painted(60, 100, 10, 40, 50, 60)
    [cropped] = fit_regions([InstanceRegion("a", mask=mask)], (60, 100), (60, 60))
    assert cropped.mask is not None and cropped.mask.dtype == torch.bool
    [back] = fit_regions([cropped], (60, 60), (60, 100), "pad")
    assert torch.equal(back.on_grid((60, 100)), mask.bool())


def test_what_a_crop_takes_off_is_refused_with_its_number_and_a_tile_leaves_it_out() -> None:
    regions = [
        InstanceRegion("middle", mask=painted(60, 100, 20, 40, 40, 60)),
        InstanceRegion("edge", mask=painted(60, 100, 20, 0, 40, 10)),
    ]
    with pytest.raises(ValueError, match=r"nothing of instance 2 \('edge'\) is left"):
        fit_regions(regions, (60, 100), (60, 60))
    [left] = fit_regions(regions, (60, 100), (60, 30), "tile")
    assert left.instruction == "edge"
    with pytest.raises(ValueError, match="nothing of instance 1 .* 2 .* move the tile"):
        fit_regions(regions, (60, 100), (10, 10), "tile")


def test_a_region_in_a_batch_is_cut_in_every_picture() -> None:
    masks = torch.stack([painted(60, 100, 20, 40, 40, 60), painted(60, 100, 0, 0, 9, 9)])
    [found] = fit_regions([InstanceRegion("a", mask=masks)], (60, 100), (60, 60))
    assert found.mask is not None and found.mask.shape == (2, 60, 60)
    assert found.on_picture(0) is not None and found.on_picture(1) is None


def test_a_region_without_a_place_has_none_in_the_crop_either() -> None:
    nowhere = InstanceRegion("a", box=Box(0, 0, 1, 1), origin="nowhere")
    [found] = fit_regions([nowhere], (60, 100), (10, 10))
    assert found == nowhere and found.size == (10, 10)


def test_regions_of_a_picture_of_another_shape_are_refused() -> None:
    region = InstanceRegion("a", mask=painted(60, 100, 0, 0, 60, 100))
    with pytest.raises(ValueError, match=r"instance 1 .* 100 x 60 pixels, .* 80 x 80 pixels"):
        fit_regions([region], (80, 80), (40, 40))
    fit_regions([region], (600, 1001), (40, 40))
    relative = InstanceRegion("a", box=Box(0, 0, 1, 1))
    assert fit_regions([relative], (80, 80), (40, 40))[0].size == (40, 40)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"after": (0, 5)}, "picture after must have"),
        ({"before": (5, 0)}, "picture before must have"),
        ({"how": "squeeze"}, "how must be one of"),
        ({"how": "stretch", "offset": (1, 0)}, "an offset is for how = 'tile' alone"),
    ],
)
def test_an_impossible_fit_is_refused(inputs: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kept_window(**{"before": (8, 8), "after": (4, 4), **inputs})  # type: ignore[arg-type]


def test_sizes_that_differ_by_rounding_alone_have_one_shape() -> None:
    for one, other in (
        ((64, 64), (512, 512)),
        ((1000, 667), (512, 341)),
        ((743, 1000), (372, 500)),
    ):
        assert same_shape(one, other) and same_shape(other, one)
    for one, other in (
        ((1200, 1600), (880, 1184)),
        ((743, 1000), (736, 992)),
        ((64, 64), (60, 64)),
    ):
        assert not same_shape(one, other) and not same_shape(other, one)
