"""The region nodes and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.tests.with_comfyui.core import run_core, run_node
from instance_edit.tests.with_comfyui.editing import corner_masks

Regions = tuple[InstanceRegion, ...]
Make = Callable[..., Regions]
COMMON = {"strength": 1.0, "start": 0.0, "end": 1.0}
PICTURE = torch.zeros(1, 100, 200, 3)


@pytest.fixture
def region(pack_nodes: dict[str, type]) -> Make:
    def make(**inputs: Any) -> Regions:
        defaults = {"instruction": "a red cat", "reference": 0, **COMMON}
        return run_node(pack_nodes["InstanceEditRegion"], **{**defaults, **inputs})[0]

    return make


@pytest.fixture
def from_boxes(pack_nodes: dict[str, type]) -> Make:
    def make(boxes: Any, **inputs: Any) -> Regions:
        defaults = {"width": 200, "height": 100, "instructions": "", **COMMON}
        node = pack_nodes["InstanceEditRegionsFromBoxes"]
        return run_node(node, boxes=boxes, **{**defaults, **inputs})[0]

    return make


@pytest.fixture
def from_masks(pack_nodes: dict[str, type]) -> Make:
    def make(masks: torch.Tensor, instructions: str, **inputs: Any) -> Regions:
        node = pack_nodes["InstanceEditRegionsFromMasks"]
        return run_node(node, masks=masks, instructions=instructions, **{**COMMON, **inputs})[0]

    return make


def test_regions_chain_in_order(region: Make, from_masks: Make, from_boxes: Make) -> None:
    first = region(mask=corner_masks()[:1])
    both = region(regions=first, box={"x": 0, "y": 50, "width": 50, "height": 50}, image=PICTURE)
    both = from_boxes([[100, 0, 200, 50]], regions=both, instructions="a hat")
    both = from_masks(corner_masks()[1:], "a dog", regions=both)
    assert [r.instruction for r in both] == ["a red cat", "a red cat", "a hat", "a dog"]
    assert both[1].box == Box(0.0, 0.5, 0.25, 1.0)
    assert both[2].box == Box(0.5, 0.0, 1.0, 0.5)
    assert len(first) == 1


def test_the_reference_number_counts_from_one_and_zero_is_none(region: Make) -> None:
    assert region(mask=corner_masks()[:1])[0].reference is None
    assert region(mask=corner_masks()[:1], reference=2)[0].reference == 1


def test_cores_box_editor_gives_boxes_with_their_text(from_boxes: Make) -> None:
    drawn = [
        {"x": 0.25, "y": 0.5, "w": 0.5, "h": 0.5, "type": "obj", "desc": "make it a fox"},
        {"x": 0.0, "y": 0.0, "w": 0.5, "h": 0.25, "type": "text", "text": "SALE"},
    ]
    _, bboxes, elements = run_core(
        "CreateBoundingBoxes", width=1024, height=512, editor_state=canvas_state(drawn)
    )
    by_element = from_boxes(elements)
    assert [r.instruction for r in by_element] == ["make it a fox", "SALE"]
    assert by_element[0].box == pytest.approx((0.25, 0.5, 0.75, 1.0))
    by_box = from_boxes(bboxes, width=1024, height=512, instructions="one\ntwo")
    assert by_box[1].box == pytest.approx((0.0, 0.0, 0.5, 0.25))
    assert from_boxes(json.dumps(elements))[0].box == by_element[0].box


def canvas_state(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the box editor's canvas hands over: pixel boxes with metadata."""
    return [
        {
            "x": box["x"] * 1024,
            "y": box["y"] * 512,
            "width": box["w"] * 1024,
            "height": box["h"] * 512,
            "metadata": {key: box.get(key, "") for key in ("type", "text", "desc")},
        }
        for box in drawn
    ]


def test_the_image_says_how_large_the_canvas_was(from_boxes: Make) -> None:
    boxes = [{"x": 0, "y": 0, "width": 100, "height": 100}]
    assert from_boxes(boxes, image=PICTURE, instructions="a")[0].box == Box(0, 0, 0.5, 1)
    assert from_boxes(boxes, width=400, instructions="a")[0].box == Box(0, 0, 0.25, 1)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "mask or a box"),
        ({"mask": torch.zeros(1, 8, 8)}, "empty"),
        ({"mask": torch.full((1, 8, 8), torch.nan)}, "NaN"),
        ({"mask": torch.ones(2, 3, 8, 8)}, "Convert Image to Mask"),
        ({"box": {"bbox": [9, 9, 20, 20]}, "image": PICTURE}, "does not say how"),
        ({"box": [0.1, 0.2, 0.3, 0.4], "image": PICTURE}, "at most 1"),
        ({"box": [0, 0, 10, 10]}, "picture it was drawn on"),
        ({"box": [[0, 0, 9, 9], [0, 0, 9, 9]], "image": PICTURE}, "takes one box, got 2"),
        ({"box": [300, 0, 400, 10], "image": PICTURE}, "outside the picture"),
        ({"mask": torch.ones(1, 8, 8), "start": 0.8, "end": 0.2}, "start < end"),
    ],
)
def test_a_region_without_a_proper_place_is_refused(
    region: Make, inputs: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        region(**inputs)


def test_masks_of_different_sizes_are_refused(region: Make) -> None:
    first = region(mask=torch.ones(1, 8, 8))
    with pytest.raises(ValueError, match="different sizes"):
        region(mask=torch.ones(1, 8, 16), regions=first)


@pytest.mark.parametrize("instructions", ["one\ntwo\nthree", ""])
def test_more_or_fewer_instructions_than_masks_or_boxes_are_refused(
    from_masks: Make, from_boxes: Make, instructions: str
) -> None:
    with pytest.raises(ValueError, match="for 2 masks"):
        from_masks(corner_masks(), instructions)
    if instructions:
        with pytest.raises(ValueError, match="for 2 boxes"):
            from_boxes([[0, 0, 9, 9], [9, 9, 20, 20]], instructions=instructions)


def test_boxes_without_text_and_without_instructions_are_refused(from_boxes: Make) -> None:
    with pytest.raises(ValueError, match="box 1, 2 has no text"):
        from_boxes([[0, 0, 9, 9], [9, 9, 20, 20]])


def test_no_boxes_are_refused(from_boxes: Make) -> None:
    with pytest.raises(ValueError, match="no boxes"):
        from_boxes([])


def test_a_dialect_is_chosen_on_both_nodes_and_regions_know_their_pictures_size(
    region: Make, from_boxes: Make
) -> None:
    box = {"bbox": [250, 500, 500, 1000]}
    [one] = region(box=box, image=PICTURE, dialect="xyxy 0..1000")
    [same] = from_boxes([box], image=PICTURE, instructions="a", dialect="xyxy 0..1000")
    assert one.box == same.box == Box(0.25, 0.5, 0.5, 1.0)
    assert one.size == same.size == (100, 200)
    [pixels] = from_boxes([[0, 0, 20, 50]], width=80, instructions="a")
    assert pixels.size == (100, 80)
    [relative] = from_boxes([box], instructions="a", dialect="xyxy 0..1000")
    assert relative.size is None
    assert region(mask=torch.ones(1, 8, 16))[0].size == (8, 16)


def test_regions_grow_by_pixels_of_their_picture(
    region: Make, from_boxes: Make, from_masks: Make
) -> None:
    [box] = from_boxes([[50, 20, 100, 60]], image=PICTURE, instructions="a", grow=10)
    assert box.box == pytest.approx((0.2, 0.1, 0.55, 0.7))
    assert region(box=[50, 20, 100, 60], image=PICTURE, grow=10)[0].box == box.box
    mask = torch.zeros(2, 9, 9)
    mask[:, 4, 4] = 1
    for grown in (*from_masks(mask, "a\nb", grow=2), *region(mask=mask[:1], grow=2)):
        assert grown.mask is not None and grown.mask.sum() == 25
    with pytest.raises(ValueError, match="connect 'image'"):
        from_boxes([[50, 20, 100, 60]], instructions="a", dialect="xyxy 0..1000", grow=1)


def test_the_empty_one_of_several_masks_is_named_and_a_channel_does_no_harm(
    from_masks: Make,
) -> None:
    masks = torch.stack([corner_masks()[0], torch.zeros(64, 64)])
    with pytest.raises(ValueError, match="mask 2 of 2 is empty"):
        from_masks(masks, "a\nb")
    assert from_masks(corner_masks()[:, None], "a\nb") == from_masks(corner_masks(), "a\nb")


def test_every_instruction_field_draws_wildcards_as_cores_prompts_do(
    pack_nodes: dict[str, type],
) -> None:
    """The front end does so in fields that are marked for it."""
    fields = [
        (name, field)
        for name, node in pack_nodes.items()
        for field in node.GET_SCHEMA().inputs
        if field.id in ("instruction", "instructions", "global_prompt")
    ]
    assert len(fields) >= 5
    for name, field in fields:
        assert field.dynamic_prompts, f"{name}.{field.id}"


def test_an_error_names_the_instance_by_its_number_and_instruction(
    region: Make, from_masks: Make, from_boxes: Make
) -> None:
    first = region(mask=corner_masks()[:1])
    with pytest.raises(ValueError, match=r"^instance 2 \('a hat'\): the region's mask is empty"):
        region(regions=first, mask=torch.zeros(1, 8, 8), instruction="a hat")
    masks = torch.stack([torch.ones(8, 8), torch.zeros(8, 8)])
    with pytest.raises(ValueError, match=r"^instance 3 \('two'\): mask 2 of 2 is empty"):
        from_masks(masks, "one\ntwo", regions=first)
    with pytest.raises(ValueError, match=r"^instance 1 \('a hat'\): the steps window must"):
        from_boxes([[100, 0, 200, 50]], instructions="a hat", start=0.8, end=0.2)


def test_one_line_is_the_instruction_of_every_mask_and_box(
    from_masks: Make, from_boxes: Make
) -> None:
    assert [r.instruction for r in from_masks(corner_masks()[:2], "a hat")] == ["a hat"] * 2
    boxes = from_boxes([[0, 0, 50, 50], [100, 0, 200, 50]], instructions="a hat")
    assert [r.instruction for r in boxes] == ["a hat"] * 2


def test_a_table_of_texts_becomes_regions_by_a_template_with_room_for_longer_ones(pack_nodes):
    table = "old,new,x1,y1,x2,y2\nHome,Accueil [1],10,10,50,20\nEnd,Fin,60,10,100,20"

    def read(**options):
        inputs = {"boxes": table, "width": 200, "height": 100, "instructions": "", **options}
        node = pack_nodes["InstanceEditRegionsFromBoxes"]
        return run_node(node, strength=1.0, start=0.0, end=1.0, **inputs)

    regions, report = read()
    assert [one.instruction for one in regions] == [
        'Change "Home" to "Accueil \\[1\\]".',
        'Change "End" to "Fin".',
    ]
    assert report == (
        "0 of 2 box(es) became wider for a longer text. Narrower than its text needs: box 1."
    )
    wide, report = read(longer_texts="to the right", template="Write {new}.")
    assert wide[0].instruction == "Write Accueil \\[1\\]."
    assert wide[0].box == pytest.approx((0.05, 0.1, 0.275, 0.2)) and wide[1].box == regions[1].box
    assert report.startswith("1 of 2 box(es)") and report.endswith("box 1.")
    told, _ = read(instructions="paint it red")
    assert [one.instruction for one in told] == ["paint it red"] * 2
