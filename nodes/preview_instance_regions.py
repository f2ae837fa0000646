"""Preview Instance Regions: the regions over the picture, and what a validator says of them."""

from dataclasses import replace
from typing import Any

from comfy_api.latest import io, ui
from PIL.Image import Image
from torch import Tensor

from ..attention.recipe import BiasRecipe, Extent
from ..attention.schedule import OFF
from ..attention.tokens import TokenLayout
from ..host.carrier import conditioning_spans
from ..host.layout import expected_layout
from ..mask_ops.picture_batch import shared_batch
from ..mask_ops.regions import InstanceRegion, picture_sets, region_masks
from ..mask_ops.room import find_tight
from ..mask_ops.validate import region_report
from ..pictures.letters import undrawable
from ..pictures.marks import to_image, to_picture
from ..pictures.regions import draw_regions
from .inputs.regions import require_regions
from .inputs.sockets import CATEGORY, Bias, Regions

BYTES_PER_VALUE = 4


class PreviewInstanceRegions(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditPreviewRegions",
            display_name="Preview Instance Regions",
            category=f"{CATEGORY}/look",
            description="Draws every region over the picture with its number and instruction, and "
            "says in words what is empty, tiny, doubled or overlapping. Nothing is sampled.",
            search_aliases=["regional prompt", "draw boxes", "visualize", "validate", "debug"],
            is_output_node=True,
            inputs=[
                io.Image.Input(
                    "image",
                    tooltip="The picture that is edited, as large as it goes to the VAE; or the "
                    "batch of pictures that the regions have masks for.",
                ),
                Regions.Input("regions", tooltip="The instances to draw and to check."),
                io.Boolean.Input(
                    "token_grid",
                    default=False,
                    tooltip="On: shows the model's tokens (16 x 16 pixels) and which of them every "
                    "region gets. Off (neutral): the regions as drawn.",
                ),
                io.Conditioning.Input(
                    "conditioning",
                    optional=True,
                    tooltip="From Multi-Prompt Encode and Reference Latent: adds the number of "
                    "text tokens to the report. Not connected is neutral.",
                ),
                Bias.Input(
                    "bias",
                    optional=True,
                    tooltip="From Build Disentangled Bias: adds who wins where regions overlap, "
                    "and the size of the bias. Not connected is neutral.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="picture", tooltip="The picture and the report."),
                io.String.Output(display_name="report", tooltip="The report alone."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Any,
        regions: tuple[InstanceRegion, ...],
        token_grid: bool,
        conditioning: Any = None,
        bias: BiasRecipe | None = None,
    ) -> io.NodeOutput:
        regions = require_regions(regions)
        sets = picture_sets(regions)
        if len(sets) > 1:
            shared_batch(regions, image=len(image))
        drawn = [
            regions_page(image[n % len(image)], here, token_grid, conditioning, bias, n)
            for n, here in enumerate(sets)
        ]
        pages, reports = to_image(*(page for page, _ in drawn)), [report for _, report in drawn]
        if len(sets) > 1:
            reports = [f"Picture {n + 1}: {report}" for n, report in enumerate(reports)]
        report = "\n".join(reports)
        shown = {
            **ui.PreviewImage(pages, cls=cls).as_dict(),
            **ui.PreviewText(report).as_dict(),
        }
        return io.NodeOutput(pages, report, ui=shown)


def regions_page(
    image: Tensor,
    regions: tuple[InstanceRegion, ...],
    token_grid: bool,
    conditioning: Any,
    bias: BiasRecipe | None,
    picture: int,
) -> tuple[Image, str]:
    """The drawing of one picture's regions, and the report.

    Args:
        image: (H, W, C) float in [0, 1].
        picture: its number in the batch.
    """
    layout, extents = expected_layout(regions, image[None], conditioning, picture)
    overlap = "shared" if bias is None else bias.overlap
    notes = () if conditioning is None else conditioning_spans(conditioning, picture).notes
    tight = [finding.text for finding in find_tight(regions, image)]
    report = region_report(
        regions,
        layout.latent_grid,
        extents[0],
        overlap=overlap,
        text_tokens=None if conditioning is None else layout.text_lengths[1:],
        size=(image.shape[0], image.shape[1]),
        others=[*undrawable_letters(regions), *notes, *tight],
    )
    if conditioning is not None:
        report += "\n" + describe_tokens(layout)
    if bias is not None:
        report += "\n" + describe_size(replace(bias, regions=regions), layout, extents)
    masks = None
    if token_grid:
        masks = region_masks(regions, layout.latent_grid, extents[0], overlap=overlap)
    return draw_regions(to_picture(image), regions, report, masks, extents[0]), report


def undrawable_letters(regions: tuple[InstanceRegion, ...]) -> list[str]:
    """What to say of instructions with letters that no font here has."""
    missing = [(n, undrawable(region.instruction)) for n, region in enumerate(regions, start=1)]
    return [
        f"Instance {n} has letters that no font on this machine can draw ({letters}): they show as "
        "'?' here, and go to the text encoder as they are."
        for n, letters in missing
        if letters
    ]


def describe_tokens(layout: TokenLayout) -> str:
    """How long the joint sequence is."""
    references = sum(layout.reference_tokens)
    return (
        f"Tokens: {layout.text_total} text ({layout.text_lengths[0]} of them global) + "
        f"{layout.latent_tokens} result + {references} reference = {layout.total}."
    )


def describe_size(recipe: BiasRecipe, layout: TokenLayout, extents: list[Extent]) -> str:
    """How much memory the bias takes, and what its matrix would."""
    active = [True] * layout.instances
    kinds = {stage.kind for stage in recipe.stages} - {OFF}
    held = sum(recipe.build(kind, layout, active, extents).nbytes for kind in kinds)
    matrix = layout.total**2 * BYTES_PER_VALUE * len(kinds)
    return f"The bias takes {held / 1e6:.2f} MB (as full matrices: {matrix / 1e6:.1f} MB)."
