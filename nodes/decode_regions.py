"""Decode Regions: decodes the latent around the regions only; the rest is the source itself."""

from typing import Any

from comfy_api.latest import io, ui
from torch import Tensor

from ..host.decode import Decoded, cell_pixels, decode_needed, find_reach, picture_latent
from ..mask_ops.paste import lay_over, refuse_broken_source, region_weight
from ..mask_ops.picture_batch import shared_batch
from ..mask_ops.put_back import cut_out, regions_on_source, unscaled_place
from ..mask_ops.regions import InstanceRegion
from ..mask_ops.validate import other_shapes
from .inputs.regions import require_regions
from .inputs.seam import pasted_outputs, seam_inputs
from .inputs.sockets import CATEGORY


class DecodeRegions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditDecodeRegions",
            display_name="Decode Regions",
            category=f"{CATEGORY}/methods",
            description="VAE Decode and Composite Background in one, for less work: decodes "
            "windows around the regions and lays them into the source, whose own pixels stay "
            "everywhere else.",
            search_aliases=["vae decode", "partial decode", "crop and stitch", "paste back"],
            inputs=[
                io.Latent.Input("samples", tooltip="The edited latent."),
                io.Vae.Input("vae", tooltip="The VAE that encoded the source."),
                io.Image.Input(
                    "image",
                    tooltip="The source: the picture before the edit, as it went to VAE Encode. "
                    "Its pixels stay outside the regions.",
                ),
                *seam_inputs(),
                io.Int.Input(
                    "halo",
                    default=0,
                    min=0,
                    max=4096,
                    tooltip="Pixels around what is taken that are decoded with it, for the decoder "
                    "looks around itself. 0 (neutral) chooses for this VAE. More comes closer to "
                    "a whole decode and costs more.",
                ),
                io.Boolean.Input(
                    "match",
                    default=True,
                    tooltip="Where the VAE normalises over the picture, as FLUX's do, a window "
                    "comes out in another tint than inside its picture: shift it by the median of "
                    "what parts it from the source around the regions. Off is neutral.",
                ),
            ],
            outputs=pasted_outputs("What was decoded, in words."),
        )

    @classmethod
    def execute(
        cls,
        samples: dict[str, Any],
        vae: Any,
        image: Tensor,
        regions: tuple[InstanceRegion, ...],
        grow: int,
        feather: int,
        halo: int,
        match: bool,
    ) -> io.NodeOutput:
        regions, latent = require_regions(regions), picture_latent(samples, vae)
        source = image[..., :3]
        refuse_broken_source(source)
        count = shared_batch(regions, samples=len(latent), image=len(source))
        grid, factor = (latent.shape[-2], latent.shape[-1]), cell_pixels(vae)
        size = (source.shape[1], source.shape[2])
        place = unscaled_place(size, (grid[0] * factor, grid[1] * factor))
        regions = regions_on_source(regions, place)
        weight = region_weight(regions, place.source, grow, feather)
        rest = cut_out(source, place).expand(count, -1, -1, -1)
        reach = find_reach(vae, halo, match)
        decoded = decode_needed(vae, latent, weight, place, rest, reach)
        pasted = lay_over(source, decoded.image, weight, place)
        lines = [describe_windows(decoded), place.words, pasted.words]
        report = " ".join(filter(None, (*lines, *other_shapes(regions, place.source))))
        return io.NodeOutput(pasted.image, pasted.weight, report, ui=ui.PreviewText(report))


def describe_windows(decoded: Decoded) -> str:
    """How much was decoded."""
    if decoded.share >= 1:
        return "The whole picture was decoded: windows around these regions would cost as much."
    return (
        f"{decoded.share:.0%} of the picture was decoded, in {decoded.windows} window(s); outside "
        "the regions and their seam it is the source's own."
    )
