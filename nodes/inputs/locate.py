"""Inputs and outputs that the locators share, and how what they find leaves them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ...host.carrier import conditioning_spans
from ...host.layout import found_pixels
from ...host.regions import refuse_others
from ...mask_ops.found_masks import FoundMasks, Smoothing, check_found
from ...mask_ops.regions import InstanceRegion
from ...pictures.found import draw_found
from ...pictures.marks import to_image
from .regions import EVERYWHERE
from .sockets import Regions


def sampling_inputs() -> list[io.Input]:
    """Model, conditioning and what a sampler takes."""
    return [
        io.Model.Input("model", tooltip="A FLUX.1 or FLUX.2 model, LoRAs and all."),
        io.Conditioning.Input(
            "conditioning",
            tooltip="From Multi-Prompt Encode, with its reference latents, as for sampling.",
        ),
        io.Latent.Input("latent", tooltip="The latent that is sampled, as for any sampler."),
        io.Sigmas.Input("sigmas", tooltip="The whole schedule of the edit, from its first step."),
        io.Int.Input(
            "noise_seed",
            default=0,
            min=0,
            max=0xFFFFFFFFFFFFFFFF,
            control_after_generate=True,
            tooltip="Seed of the start noise; take the one of the edit.",
        ),
    ]


def blocks_input(default: str) -> io.Input:
    """Which blocks are read."""
    return io.String.Input(
        "blocks",
        default="",
        advanced=True,
        tooltip="Blocks whose attention is read, doubles first: numbers ('17' or '10-18, 30') or a "
        f"share ('25%-75%'). Empty (neutral): {default}.",
    )


def result_inputs() -> list[io.Input]:
    """What only concerns the result."""
    return [
        Regions.Input(
            "regions",
            optional=True,
            tooltip="The regions that Multi-Prompt Encode got: keeps their strengths and steps "
            "windows. Not connected (neutral): strength 1, all steps.",
        ),
        io.Image.Input(
            "image",
            optional=True,
            tooltip="The picture, as ground of the preview. Not connected (neutral): grey.",
        ),
    ]


def smoothing_inputs(default: Smoothing, cell: str) -> list[io.Input]:
    """The Gaussian that smooths the maps, counted in cells of them."""
    return [
        io.Int.Input(
            "smoothing",
            default=default.size,
            min=1,
            max=63,
            step=2,
            optional=True,
            advanced=True,
            tooltip="Side of the Gaussian that smooths each map before the threshold; odd, in "
            f"cells, each {cell}. 1 is neutral: maps as they are.",
        ),
        io.Float.Input(
            "smoothing_sigma",
            default=default.sigma,
            min=0.01,
            max=64.0,
            step=0.05,
            optional=True,
            advanced=True,
            tooltip="Sigma of that Gaussian, in the same cells: higher is softer. With a side of 1 "
            "(neutral) it does not matter.",
        ),
    ]


def found_outputs() -> list[io.Output]:
    """Masks, regions and preview."""
    return [
        io.Mask.Output(
            display_name="masks", tooltip="One mask per instruction, as large as the picture."
        ),
        Regions.Output(
            display_name="regions",
            tooltip="The same masks as regions, for Build Disentangled Bias or FoI Guider.",
        ),
        io.Image.Output(
            display_name="preview",
            tooltip="Per instruction: the raw map, its values with the threshold, the mask.",
        ),
    ]


def found_values(
    found: FoundMasks,
    conditioning: Any,
    latent: Mapping[str, Any],
    model: Any,
    regions: Sequence[InstanceRegion],
    image: Tensor | None,
) -> tuple[Tensor, tuple[InstanceRegion, ...], Tensor]:
    """Masks in pixels, regions and preview, in the order of ``found_outputs``.

    Raises:
        ValueError: an instruction that found nothing, or regions of other instructions.
    """
    spans = conditioning_spans(conditioning)
    instructions = spans.instructions
    check_found(found.masks, instructions)
    masks = found_pixels(model, latent, found.masks)
    given = regions or [InstanceRegion(text, box=EVERYWHERE) for text in instructions]
    refuse_others(tuple(given), spans)
    placed = tuple(
        replace(region, mask=mask, box=None, reference_masks=None, origin="found", size=None)
        for region, mask in zip(given, masks, strict=True)
    )
    pages = [
        draw_found(found.maps[n], float(found.thresholds[n]), masks[n], n, text, image)
        for n, text in enumerate(instructions)
    ]
    return masks, placed, to_image(*pages)
