"""Instance Regions from Masks: one region per mask of a batch."""

from typing import Any

from comfy_api.latest import io

from ..mask_ops.masks import check_mask, mask_planes
from ..mask_ops.naming import about_instance
from ..mask_ops.regions import InstanceRegion, join_regions
from ..prompts.lines import instruction_lines
from .inputs.regions import (
    end_input,
    grow_input,
    regions_input,
    start_input,
    strength_input,
)
from .inputs.sockets import CATEGORY, Regions


class InstanceRegionsFromMasks(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditRegionsFromMasks",
            display_name="Instance Regions from Masks",
            category=f"{CATEGORY}/regions",
            description="One region per mask of a batch, such as SAM3 Detect's with "
            "'individual_masks' on, and one instruction per line.",
            search_aliases=[
                "SAM3",
                "segmentation",
                "mask batch",
                "inpaint many",
                "edit many objects",
            ],
            inputs=[
                regions_input(),
                io.Mask.Input(
                    "masks",
                    tooltip="A batch of masks, one per instance. White is inside.",
                ),
                io.String.Input(
                    "instructions",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    tooltip="One instruction per line, in the order of the masks; or one line for "
                    "all of them.",
                ),
                strength_input(),
                start_input(),
                end_input(),
                grow_input(),
            ],
            outputs=[Regions.Output(display_name="regions")],
        )

    @classmethod
    def execute(
        cls,
        masks: Any,
        instructions: str,
        strength: float,
        start: float,
        end: float,
        regions: tuple[InstanceRegion, ...] = (),
        grow: int = 0,
    ) -> io.NodeOutput:
        planes = mask_planes(masks, "masks")
        texts = instruction_lines(instructions, len(planes), "masks")
        added: list[InstanceRegion] = []
        for n, (text, plane) in enumerate(zip(texts, planes, strict=True), start=1):
            with about_instance(len(regions) + n, text):
                mask = check_mask(plane, f"mask {n} of {len(planes)}")
                region = InstanceRegion(text, mask, strength=strength, start=start, end=end)
                added.append(region.grown(grow))
        return io.NodeOutput(join_regions(regions, added))
