"""Instance Regions from Masks: one region per mask of a batch."""

from typing import Any

from comfy_api.latest import io

from ..mask_ops.regions import InstanceRegion, join_regions
from ..prompts.lines import instruction_lines
from .inputs.regions import end_input, regions_input, start_input, strength_input
from .inputs.sockets import CATEGORY, Regions


class InstanceRegionsFromMasks(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditRegionsFromMasks",
            display_name="Instance Regions from Masks",
            category=CATEGORY,
            description="One region per mask of a batch, such as SAM3 Detect's with "
            "'individual_masks' on, and one instruction per line.",
            search_aliases=["SAM3", "segmentation", "mask batch", "regional prompt"],
            inputs=[
                regions_input(),
                io.Mask.Input(
                    "masks",
                    tooltip="A batch of masks, one per instance. White is inside.",
                ),
                io.String.Input(
                    "instructions",
                    multiline=True,
                    default="",
                    tooltip="One instruction per line, in the order of the masks.",
                ),
                strength_input(),
                start_input(),
                end_input(),
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
    ) -> io.NodeOutput:
        masks = masks[None] if masks.ndim == 2 else masks
        texts = instruction_lines(instructions, len(masks), "masks")
        added = [
            InstanceRegion(text, mask=mask, strength=strength, start=start, end=end)
            for text, mask in zip(texts, masks, strict=True)
        ]
        return io.NodeOutput(join_regions(regions, added))
