"""Instance Regions from Boxes: one region per box, from core's box nodes or JSON."""

from collections.abc import Sequence
from typing import Any, get_args

from comfy_api.latest import io

from ..mask_ops.boxes import Box
from ..mask_ops.dialects import AS_LABELLED
from ..mask_ops.longer_texts import TEMPLATE, Room, make_room, missing_room, told
from ..mask_ops.naming import about_instance
from ..mask_ops.read_boxes import LabelledBox, parse_boxes
from ..mask_ops.regions import InstanceRegion, join_regions
from ..prompts.lines import instruction_lines
from .inputs.regions import (
    BOX_TYPES,
    dialect_input,
    end_input,
    grow_input,
    regions_input,
    start_input,
    strength_input,
)
from .inputs.sockets import CATEGORY, Regions


class InstanceRegionsFromBoxes(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditRegionsFromBoxes",
            display_name="Instance Regions from Boxes",
            category=f"{CATEGORY}/regions",
            description="One region per box. Connect 'elements' of Create Bounding Boxes to take "
            "the text of each box as its instruction.",
            search_aliases=[
                "bbox",
                "bounding boxes",
                "regional prompt",
                "multi edit",
                "qwen",
                "grounding",
            ],
            inputs=[
                regions_input(),
                io.MultiType.Input(
                    io.String.Input("boxes", force_input=True),
                    BOX_TYPES,
                    tooltip="'elements' (with text) or 'bboxes' of Create Bounding Boxes, boxes of "
                    "a detector (SAM3, SEGS, Florence-2, BBOX ..), or what a vision model wrote.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The picture the boxes were drawn on: boxes in pixels are read by its "
                    "size. Not connected: by width and height below.",
                ),
                io.Int.Input(
                    "width",
                    default=1024,
                    min=1,
                    max=16384,
                    tooltip="Width in pixels of the canvas the boxes were drawn on, if no image is "
                    "connected. Without effect on 'elements', which are relative.",
                ),
                io.Int.Input(
                    "height",
                    default=1024,
                    min=1,
                    max=16384,
                    tooltip="Height in pixels of the canvas the boxes were drawn on, if no image "
                    "is connected. Without effect on 'elements', which are relative.",
                ),
                io.String.Input(
                    "instructions",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    tooltip="One instruction per line, in the order of the boxes, or one line for "
                    "all of them. Empty (neutral): the text that came with each box.",
                ),
                strength_input(),
                start_input(),
                end_input(),
                grow_input(),
                dialect_input(),
                io.String.Input(
                    "template",
                    default=TEMPLATE,
                    optional=True,
                    advanced=True,
                    tooltip="The instruction for boxes that come with an old and a new text (a "
                    "table in CSV, or JSON with 'old' and 'new'), in place of {old} and {new}. "
                    "Without such boxes neutral.",
                ),
                io.Combo.Input(
                    "longer_texts",
                    options=list(get_args(Room)),
                    default="keep",
                    optional=True,
                    advanced=True,
                    tooltip="Room for a new text that is longer than the old one: 'centred' widens "
                    "its box by as much on both sides, 'to the right' on that side, up to halfway "
                    "to the next box beside it. 'keep' is neutral.",
                ),
            ],
            outputs=[
                Regions.Output(display_name="regions"),
                io.String.Output(
                    display_name="report", tooltip="Which boxes became wider for longer texts."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        boxes: Any,
        width: int,
        height: int,
        instructions: str,
        strength: float,
        start: float,
        end: float,
        regions: tuple[InstanceRegion, ...] = (),
        image: Any = None,
        grow: int = 0,
        dialect: str = AS_LABELLED,
        template: str = TEMPLATE,
        longer_texts: Room = "keep",
    ) -> io.NodeOutput:
        if image is not None:
            height, width = image.shape[1:3]
        found = parse_boxes(boxes, width, height, dialect)
        if instructions.strip():
            texts = instruction_lines(instructions, len(found), "boxes")
        else:
            texts = [told(template, one.change) if one.change else one.text for one in found]
            untold = [str(i + 1) for i, text in enumerate(texts) if not text]
            if untold:
                raise ValueError(
                    f"box {', '.join(untold)} has no text: write one instruction per line into "
                    "'instructions', or connect 'elements' of Create Bounding Boxes and give each "
                    "box its text."
                )
        size = None if image is None else (height, width)
        added: list[InstanceRegion] = []
        boxes, report = _roomy(found, longer_texts)
        for n, (text, one, box) in enumerate(
            zip(texts, found, boxes, strict=True), start=len(regions) + 1
        ):
            with about_instance(n, text):
                drawn_on = one.size or size
                region = InstanceRegion(text, None, box, strength, start, end, size=drawn_on)
                added.append(region.grown(grow))
        return io.NodeOutput(join_regions(regions, added), report)


def _roomy(found: Sequence[LabelledBox], room: Room) -> tuple[list[Box], str]:
    """The boxes with room for longer texts, and what is to be said of it."""
    before, changes = [one.box for one in found], [one.change for one in found]
    after = make_room(before, changes, room)
    wider = sum(old != new for old, new in zip(before, after, strict=True))
    short = missing_room(before, after, changes)
    report = f"{wider} of {len(found)} box(es) became wider for a longer text."
    if short:
        numbers = ", ".join(map(str, short))
        report += f" Narrower than its text needs: box {numbers}."
    return after, report
