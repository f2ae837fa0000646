"""Instance Regions from Boxes: one region per box, from core's box nodes or JSON."""

from typing import Any

from comfy_api.latest import io

from ..mask_ops.dialects import AS_LABELLED
from ..mask_ops.naming import about_instance
from ..mask_ops.read_boxes import parse_boxes
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
            ],
            outputs=[Regions.Output(display_name="regions")],
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
    ) -> io.NodeOutput:
        if image is not None:
            height, width = image.shape[1:3]
        found = parse_boxes(boxes, width, height, dialect)
        if instructions.strip():
            texts = instruction_lines(instructions, len(found), "boxes")
        else:
            texts = [box.text for box in found]
            untold = [str(i + 1) for i, text in enumerate(texts) if not text]
            if untold:
                raise ValueError(
                    f"box {', '.join(untold)} has no text: write one instruction per line into "
                    "'instructions', or connect 'elements' of Create Bounding Boxes and give each "
                    "box its text."
                )
        size = None if image is None else (height, width)
        added: list[InstanceRegion] = []
        for n, (text, box) in enumerate(zip(texts, found, strict=True), start=len(regions) + 1):
            with about_instance(n, text):
                drawn_on = box.size or size
                region = InstanceRegion(text, None, box.box, strength, start, end, size=drawn_on)
                added.append(region.grown(grow))
        return io.NodeOutput(join_regions(regions, added))
