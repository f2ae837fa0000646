"""Masks as they come in: shapes, number formats, softness; and how they grow."""

from typing import Any

import pytest
import torch

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.masks import check_mask, grow_mask, inside_of
from instance_edit.mask_ops.regions import InstanceRegion

MASK = torch.zeros(8, 8)
MASK[:4, :4] = 1


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
