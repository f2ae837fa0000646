"""Drawn instances become regions, and regions come back equal from what is written of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.drawn_regions import drawn_of, regions_of
from instance_edit.mask_ops.instance_lora import RegionLora
from instance_edit.mask_ops.png import write_png
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.mask_ops.regions_json import (
    DrawnInstance,
    DrawnRegions,
    read_regions_json,
    write_regions_json,
)
from instance_edit.mask_ops.shapes import BoxShape, Painted, Polygon

BOX = Box(0.1, 0.2, 1 / 3, 0.7)
HARD = torch.rand(40, 30, generator=torch.Generator().manual_seed(1)) > 0.6
SOFT = torch.rand(40, 30, generator=torch.Generator().manual_seed(2))
TRIANGLE = Polygon("add", ((0.1, 0.1), (0.9, 0.1), (0.5, 0.9)))


def round_trip(*regions: InstanceRegion) -> tuple[InstanceRegion, ...]:
    return regions_of(read_regions_json(write_regions_json(drawn_of(regions)), "a file"), "a file")


@pytest.mark.parametrize(
    "region",
    [
        InstanceRegion("a", box=BOX),
        InstanceRegion("a", box=BOX, size=(40, 30), label="car", seed=2**64 - 1),
        InstanceRegion("", mask=HARD),
        InstanceRegion("a", mask=SOFT, strength=0.0, start=0.1, end=0.9, reference=0),
        InstanceRegion("ein süßes {Tier}\n\"x\"", mask=HARD.tile(70, 90)),
        InstanceRegion("a", box=BOX, reference_masks=torch.stack([HARD, ~HARD])),
        InstanceRegion("a", mask=HARD, reference_masks=torch.stack([SOFT, HARD])),
    ],
)  # fmt: skip
def test_every_kind_of_region_comes_back_equal(region: InstanceRegion) -> None:
    other = InstanceRegion("b", box=Box(0, 0, 1, 1), size=region.size)
    back = round_trip(region, other)
    assert back == (region, other)
    assert (back[0].size, back[0].label, back[0].seed) == (region.size, region.label, region.seed)


def test_a_found_region_comes_back_as_a_drawn_one() -> None:
    (back,) = round_trip(InstanceRegion("a", mask=HARD, origin="found"))
    assert back == InstanceRegion("a", mask=HARD)


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ([InstanceRegion("a", box=BOX, origin="nowhere")], "instance 1 has no place yet"),
        (
            [InstanceRegion("a", box=BOX), InstanceRegion("b", mask=HARD.tile(3, 1, 1), label="x")],
            r"instance 2 \('x'\) has masks for 3 pictures",
        ),
        (
            [InstanceRegion("a", mask=HARD), InstanceRegion("b", box=BOX, size=(30, 40))],
            "30 x 40 pixels and 40 x 30 pixels.*Fit Regions",
        ),
    ],
)
def test_what_a_file_cannot_hold_is_refused(regions: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        drawn_of(regions)


def drawn(*shapes: Any, size: Any = (40, 30), **values: Any) -> DrawnRegions:
    return DrawnRegions((DrawnInstance("a", tuple(shapes), **values),), size)


def test_one_box_stays_a_box_and_two_are_a_mask() -> None:
    box = BoxShape("add", BOX)
    assert regions_of(drawn(box), "x") == (InstanceRegion("a", box=BOX),)
    (mask,) = regions_of(drawn(box, BoxShape("add", BOX)), "x")
    assert mask.box is None and mask.mask is not None and mask.mask.shape == (40, 30)


def test_muted_instances_take_no_part_and_are_not_counted() -> None:
    box = (BoxShape("add", BOX),)
    instances = (
        DrawnInstance("a", (), muted=True),
        DrawnInstance("b", box),
        DrawnInstance("c", (), label="hole"),
    )
    assert len(regions_of(DrawnRegions(instances[:2]), "x")) == 1
    with pytest.raises(ValueError, match=r"^x, instance 2 \('hole'\): it has no shape: draw"):
        regions_of(DrawnRegions(instances), "x")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (drawn(), "has no shape"),
        (drawn(BoxShape("subtract", BOX)), "covers no pixel"),
        (drawn(TRIANGLE, size=None), "need the size of the picture: connect 'image', or write"),
        (drawn(BoxShape("add", BOX), size=None, grow=2), "size of the picture that the box was"),
        (
            drawn(TRIANGLE, reference_masks=(write_png(HARD), write_png(HARD[1:]))),
            "its reference masks have different sizes",
        ),
        (drawn(TRIANGLE, start=0.5, end=0.25), "steps window"),
    ],
)
def test_an_instance_that_cannot_be_placed_is_refused_by_its_number(
    one: DrawnRegions, said: str
) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        regions_of(one, "the canvas")
    assert str(caught.value).startswith("the canvas, instance 1: ")


@pytest.mark.parametrize(("picture", "pixels"), [((40, 30), 4), ((80, 60), 8), ((20, 15), 2)])
def test_grow_counts_pixels_of_the_picture_that_was_drawn_on(picture: Any, pixels: int) -> None:
    dot = torch.zeros(picture, dtype=torch.bool)
    dot[picture[0] // 2, picture[1] // 2] = True
    shape = Painted("add", write_png(dot))
    (region,) = regions_of(drawn(shape, grow=4), "x", picture)
    assert region.mask is not None and region.mask.sum() == (2 * pixels + 1) ** 2
    (box,) = regions_of(drawn(BoxShape("add", Box(0.5, 0.5, 0.6, 0.6)), grow=4), "x", picture)
    assert box.box is not None
    assert box.box == pytest.approx((0.5 - 4 / 30, 0.4, 0.6 + 4 / 30, 0.7))


def test_regions_know_the_picture_that_they_were_drawn_on() -> None:
    (region,) = regions_of(drawn(TRIANGLE), "x", (80, 60))
    assert region.size == (40, 30) and region.mask is not None and region.mask.shape == (80, 60)
    (region,) = regions_of(drawn(TRIANGLE, size=None), "x", (80, 60))
    assert region.size == (80, 60)


def test_loras_of_an_instance_go_with_its_region_and_come_back() -> None:
    loras = (RegionLora("fox.safetensors", 0.5, ring=1), RegionLora("oil.safetensors"))
    (region,) = regions_of(drawn(BoxShape("add", BOX), loras=loras), "the canvas")
    assert region.loras == loras
    assert drawn_of((region,)).instances[0].loras == loras
