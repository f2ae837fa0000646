"""Composite Background: the source's own pixels everywhere outside the regions."""

from typing import Any, get_args

from comfy_api.latest import io, ui
from torch import Tensor

from ..mask_ops.composite import background_change
from ..mask_ops.paste import lay_over, region_weight
from ..mask_ops.picture_batch import shared_batch
from ..mask_ops.put_back import Placing, find_place, regions_on_source
from ..mask_ops.regions import InstanceRegion
from ..mask_ops.validate import other_shapes
from .inputs.regions import require_regions
from .inputs.seam import pasted_outputs, seam_inputs
from .inputs.sockets import CATEGORY


class CompositeBackground(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditCompositeBackground",
            display_name="Composite Background",
            category=f"{CATEGORY}/methods",
            description="Pastes the source back outside the regions, so that untouched pixels are "
            "exactly the source's, and says how much the edit had changed there.",
            search_aliases=["paste back", "stitch", "keep background", "mask composite"],
            inputs=[
                io.Image.Input("source", tooltip="The picture before the edit. Its size counts."),
                io.Image.Input(
                    "edited",
                    tooltip="The picture after the edit. If it has another size, 'fit' says how "
                    "it lies on the source.",
                ),
                *seam_inputs(),
                io.Combo.Input(
                    "fit",
                    options=list(get_args(Placing)),
                    default="by size",
                    optional=True,
                    tooltip="How an edit of another size lies on the source. 'by size' (neutral): "
                    "in full if it has the same shape, or where VAE Encode had cropped an odd "
                    "size; anything else is refused. 'centre crop': the source was cropped as "
                    "FluxKontextImageScale does. 'stretch': in full in any case.",
                ),
            ],
            outputs=pasted_outputs("The change outside, in words."),
        )

    @classmethod
    def execute(
        cls,
        source: Any,
        edited: Any,
        regions: tuple[InstanceRegion, ...],
        grow: int,
        feather: int,
        fit: Placing = "by size",
    ) -> io.NodeOutput:
        regions = require_regions(regions)
        shared_batch(regions, source=len(source), edited=len(edited))
        place = find_place((*source.shape[1:3],), (*edited.shape[1:3],), fit)
        regions = regions_on_source(regions, place)
        weight = region_weight(regions, place.source, grow, feather)
        pasted = lay_over(source[..., :3], edited[..., :3], weight, place)
        change = describe_change(source[..., :3], pasted.edited, pasted.weight)
        seam = describe_seam(grow, feather)
        lines = [change, seam, place.words, pasted.words, *other_shapes(regions, place.source)]
        report = " ".join(filter(None, lines))
        return io.NodeOutput(pasted.image, pasted.weight, report, ui=ui.PreviewText(report))


def describe_seam(grow: int, feather: int) -> str:
    """What counts as inside beside the regions themselves."""
    return f"Regions reach {grow} pixels further (grow), with a seam of {feather} (feather)."


def describe_change(source: Tensor, edited: Tensor, weight: Tensor) -> str:
    """What the edit had done outside the regions."""
    share, mean, largest = background_change(source, edited, weight)
    if not share:
        return "The regions and their seam cover the whole picture: nothing was pasted back."
    return (
        f"{share:.0%} of the picture lies outside the regions. The edit had changed it by "
        f"{mean:.2f} of 255 on average, {largest:.0f} at most; it is the source's again."
    )
