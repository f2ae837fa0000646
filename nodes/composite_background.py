"""Composite Background: the source's own pixels everywhere outside the regions."""

from typing import Any

from comfy_api.latest import io, ui
from torch import Tensor

from ..mask_ops.composite import background_change, composite, feathered_union, stretch
from ..mask_ops.regions import InstanceRegion, region_masks
from .inputs.regions import require_regions
from .inputs.sockets import CATEGORY, Regions


class CompositeBackground(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditCompositeBackground",
            display_name="Composite Background",
            category=CATEGORY,
            description="Pastes the source back outside the regions, so that untouched pixels are "
            "exactly the source's, and says how much the edit had changed there.",
            search_aliases=["paste back", "stitch", "keep background", "mask composite"],
            inputs=[
                io.Image.Input("source", tooltip="The picture before the edit. Its size counts."),
                io.Image.Input(
                    "edited",
                    tooltip="The picture after the edit; stretched to the source's size if it has "
                    "another.",
                ),
                Regions.Input("regions", tooltip="The instances; only they and their seam change."),
                io.Int.Input(
                    "grow",
                    default=8,
                    min=0,
                    max=512,
                    tooltip="Pixels around the regions that are taken from the edit as well, for "
                    "new outlines and shadows. 0 is neutral.",
                ),
                io.Int.Input(
                    "feather",
                    default=16,
                    min=0,
                    max=512,
                    tooltip="Pixels over which the edit fades into the source. 0 is neutral: a "
                    "hard edge.",
                ),
            ],
            outputs=[
                io.Image.Output(),
                io.Mask.Output(tooltip="Where the edit is taken: 1 inside, 0 outside."),
                io.String.Output(display_name="report", tooltip="The change outside, in words."),
            ],
        )

    @classmethod
    def execute(
        cls,
        source: Any,
        edited: Any,
        regions: tuple[InstanceRegion, ...],
        grow: int,
        feather: int,
    ) -> io.NodeOutput:
        regions = require_regions(regions)
        size = (source.shape[1], source.shape[2])
        source, edited = source[..., :3], stretch(edited[..., :3].to(source), size)
        weight = feathered_union(region_masks(regions, size), grow, feather)
        report = describe_change(source, edited, weight)
        result = composite(source, edited, weight)
        return io.NodeOutput(result, weight[None], report, ui=ui.PreviewText(report))


def describe_change(source: Tensor, edited: Tensor, weight: Tensor) -> str:
    """What the edit had done outside the regions."""
    share, mean, largest = background_change(source, edited, weight)
    if not share:
        return "The regions and their seam cover the whole picture: nothing was pasted back."
    return (
        f"{share:.0%} of the picture lies outside the regions. The edit had changed it by "
        f"{mean:.2f} of 255 on average, {largest:.0f} at most; it is the source's again."
    )
