"""Instance Regions from Instructions: what to do, for locators that find out where."""

from comfy_api.latest import io

from ..mask_ops.regions import InstanceRegion, join_regions
from .inputs.regions import EVERYWHERE, end_input, regions_input, start_input, strength_input
from .inputs.sockets import CATEGORY, Regions


class InstanceRegionsFromInstructions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditRegionsFromInstructions",
            display_name="Instance Regions from Instructions",
            category=f"{CATEGORY}/regions",
            description="One region per line, each covering the whole picture, for Multi-Prompt "
            "Encode. A Locate node then finds where each one really is.",
            search_aliases=["IID", "FoI", "automatic regions", "no mask"],
            inputs=[
                regions_input(),
                io.String.Input(
                    "instructions",
                    multiline=True,
                    dynamic_prompts=True,
                    default="",
                    tooltip="One instruction per line. For Locate Instruction (FoI) keywords may "
                    "be marked [like this].",
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
        instructions: str,
        strength: float,
        start: float,
        end: float,
        regions: tuple[InstanceRegion, ...] = (),
    ) -> io.NodeOutput:
        lines = [line.strip() for line in instructions.splitlines() if line.strip()]
        if not lines:
            raise ValueError("no instructions came in: write at least one, one per line.")
        added = [
            InstanceRegion(line, None, EVERYWHERE, strength, start, end, origin="nowhere")
            for line in lines
        ]
        return io.NodeOutput(join_regions(regions, added))
