"""The parts that the workflows have in common: prompts and bias, sampling, a look inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .comparer import compared
from .instructions import COFFEE
from .loaders import Loaded
from .sheet import Node, Output, Sheet

MICE: dict[str, Any] = {"method": "MICE"}
IDATTN: dict[str, Any] = {"method": "IDAttn"}
IID: dict[str, Any] = {"method": "IID"}
PROMPTS = 300
"""How wide the column of prompts and bias is."""
LEVEL: dict[str, Any] = {"window_by": "noise level"}
"""Windows as core counts them, so that they outlast a split of the sampling."""


@dataclass(frozen=True)
class Picture:
    """A picture that *Multi-Prompt Encode* encodes.

    Attributes:
        shown: the picture that boxes are drawn on; a loader's own is under them at once.
        fit: how *Multi-Prompt Encode* brings it to a size.
    """

    image: Output
    shown: Output
    fit: str
    nodes: list[Node]


@dataclass(frozen=True)
class Source:
    """The picture that is edited, its latent, and the nodes that give them."""

    image: Output
    shown: Output
    latent: Output
    nodes: list[Node]


@dataclass(frozen=True)
class Way:
    """How it is edited: steps, the guidance of a guidance-distilled model, the method, whether
    only the regions are decoded, and the noise's seed.
    """

    count: int
    guidance: float | None = None
    method: dict[str, Any] = field(default_factory=lambda: MICE)
    regions_only: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Prepared:
    """What is ready to be sampled."""

    model: Output
    positive: Output
    bias: Output
    latent: Output
    nodes: list[Node]


def load_picture(sheet: Sheet, file: str = COFFEE) -> Node:
    """The picture that somebody brings; until then the photograph that comes with the pack."""
    return sheet.add("LoadImage", "Your picture", image=file)


def kontext_picture(sheet: Sheet, file: str = COFFEE) -> Picture:
    """A picture that gets one of Kontext's sizes."""
    load = load_picture(sheet, file)
    return Picture(load[0], load[0], "Kontext's sizes", [load])


def scaled_picture(sheet: Sheet, file: str = COFFEE) -> Picture:
    """A picture of a megapixel."""
    load = load_picture(sheet, file)
    scaled = scale_pixels(sheet, load[0], 1.0)
    return Picture(scaled[0], load[0], "off", [load, scaled])


def picture(sheet: Sheet, vae: Output, scale: str = "kontext", file: str = COFFEE) -> Source:
    """Load a picture, scale it as the model likes it and encode it."""
    load = load_picture(sheet, file)
    if scale == "kontext":
        return cropped_from(sheet, vae, load[0], [load])
    scaled = scale_pixels(sheet, load[0], 1.0)
    latent = sheet.add("VAEEncode", pixels=scaled[0], vae=vae)
    return Source(scaled[0], load[0], latent[0], [load, scaled, latent])


def cropped_from(sheet: Sheet, vae: Output, image: Output, nodes: list[Node]) -> Source:
    """This picture, of these nodes, cropped to one of Kontext's sizes and encoded."""
    scaled = sheet.add("FluxKontextImageScale", image=image)
    latent = sheet.add("VAEEncode", pixels=scaled[0], vae=vae)
    return Source(scaled[0], scaled[0], latent[0], [*nodes, scaled, latent])


def scale_pixels(sheet: Sheet, image: Output, megapixels: float) -> Node:
    """Scale to so many pixels, in whole tokens."""
    return sheet.add(
        "ImageScaleToTotalPixels",
        image=image,
        upscale_method="lanczos",
        megapixels=megapixels,
        resolution_steps=16,
    )


def prepare(
    sheet: Sheet,
    loaded: Loaded,
    regions: Output,
    latent: Output,
    method: dict[str, Any] = MICE,
    references: tuple[Output, ...] | None = None,
) -> Prepared:
    """Prompts, references, bias and the patched model; references default to the latent."""
    encode = sheet.add("InstanceEditMultiPromptEncode", clip=loaded.clip, regions=regions)
    nodes, positive = [encode], encode[0]
    for reference in references or (latent,):
        node = sheet.add("ReferenceLatent", conditioning=positive, latent=reference)
        nodes, positive = [*nodes, node], node[0]
    bias = sheet.add("InstanceEditBuildBias", regions=regions, **method, **LEVEL)
    patched = sheet.add("InstanceEditApplyAttention", model=loaded.model, bias=bias[0])
    return Prepared(patched[0], positive, bias[0], latent, [*nodes, bias, patched])


def sample(
    sheet: Sheet,
    loaded: Loaded,
    prepared: Prepared,
    way: Way,
    image: Output,
    regions: Output,
) -> list[Node]:
    """Sample, decode, paste the background of the picture back and save."""
    nodes, positive = [], prepared.positive
    if way.guidance is not None:
        guide = sheet.add("FluxGuidance", conditioning=positive, guidance=way.guidance)
        nodes, positive = [guide], guide[0]
    sampler = sampled(sheet, prepared.model, positive, prepared.latent, way.count)
    latent = sampler[-1][0]
    decoding = decode_regions if way.regions_only else decode_whole
    decoded = decoding(sheet, loaded, latent, image, regions)
    result = decoded[-2][0]
    save = sheet.add("SaveImage", "Result", images=result, filename_prefix="instance_edit")
    return [*nodes, *sampler, *decoded[:-1], save, decoded[-1]]


def decode_whole(
    sheet: Sheet, loaded: Loaded, latent: Output, image: Output, regions: Output
) -> list[Node]:
    """Decode all, paste the background back; the last node but one gives the picture."""
    decode = sheet.add("VAEDecode", samples=latent, vae=loaded.vae)
    paste = sheet.add(
        "InstanceEditCompositeBackground", source=image, edited=decode[0], regions=regions
    )
    return [decode, paste, sheet.add("PreviewAny", "What changed outside", source=paste[2])]


def decode_regions(
    sheet: Sheet, loaded: Loaded, latent: Output, image: Output, regions: Output
) -> list[Node]:
    """Decode around the regions only; the last node but one gives the picture."""
    inputs = {"samples": latent, "vae": loaded.vae, "image": image, "regions": regions}
    decode = sheet.add("InstanceEditDecodeRegions", **inputs)
    return [decode, sheet.add("PreviewAny", "How much was decoded", source=decode[2])]


def sampled(
    sheet: Sheet, model: Output, positive: Output, latent: Output, steps: int
) -> list[Node]:
    """A negative that CFG 1 does not use, and the KSampler."""
    zero = sheet.add("ConditioningZeroOut", "Negative (unused at CFG 1)", conditioning=positive)
    sampler = sheet.add(
        "KSampler",
        model=model,
        positive=positive,
        negative=zero[0],
        latent_image=latent,
        steps=steps,
        cfg=1.0,
        sampler_name="euler",
        scheduler="simple",
    )
    return [zero, sampler]


def look_inside(sheet: Sheet, image: Output, regions: Output, prepared: Prepared) -> list[Node]:
    """Both previews, that of the regions without the model's files, and before beside after."""
    drawn = sheet.add(
        "InstanceEditPreviewRegions", image=image, regions=regions, bias=prepared.bias
    )
    bias = sheet.add(
        "InstanceEditPreviewBias",
        bias=prepared.bias,
        image=image,
        conditioning=prepared.positive,
        model=prepared.model,
    )
    return [drawn, bias, *compared(sheet, image)]


def finish(
    sheet: Sheet,
    first: int,
    loaded: Loaded,
    picture: Picture,
    regions: Output,
    way: Way,
    references: tuple[Output, ...] = (),
    above: Sequence[Node] = (),
    width: int = PROMPTS,
    bias_folded: bool = False,
) -> None:
    """From the regions to the saved picture, columns numbered from ``first``.

    Args:
        references: latents of further reference images.
        above: nodes that stand over the prompts, which are folded to make room.
        width: of the column of the prompts.
        bias_folded: the bias is folded too.
    """
    encode = sheet.add(
        "InstanceEditMultiPromptEncode",
        clip=loaded.clip,
        regions=regions,
        vae=loaded.vae,
        image=picture.image,
        fit=picture.fit,
        guidance=way.guidance or 0.0,
    )
    referring, positive = [], encode[0]
    for reference in references:
        node = sheet.add("ReferenceLatent", conditioning=positive, latent=reference)
        referring, positive = [*referring, node], node[0]
    bias = sheet.add("InstanceEditBuildBias", **way.method, **LEVEL)
    patched = sheet.add("InstanceEditApplyAttention", model=loaded.model, bias=bias[0])
    sampler = sheet.add(
        "KSampler",
        model=patched[0],
        positive=positive,
        negative=encode[1],
        latent_image=encode[2],
        seed=way.seed,
        steps=way.count,
        cfg=1.0,
        sampler_name="euler",
        scheduler="simple",
    )
    result = saved(sheet, loaded, sampler[0], picture, regions, way)
    drawn = sheet.add("InstanceEditPreviewRegions", image=picture.shown, regions=regions)
    inside = sheet.add(
        "InstanceEditPreviewBias",
        bias=bias[0],
        image=encode[3],
        conditioning=positive,
        model=patched[0],
    )
    looks = [drawn, inside, *compared(sheet, encode[3])]
    if above:
        sheet.fold(encode)
    if bias_folded:
        sheet.fold(bias)
    prompts = [*above, encode, *referring, bias, patched]
    sheet.column(f"{first}  Prompts and bias", *prompts, width=width)
    sheet.column(f"{first + 1}  Edit", sampler, *result, width=360)
    sheet.column("Look inside", *looks, width=380)


def saved(
    sheet: Sheet,
    loaded: Loaded,
    latent: Output,
    picture: Picture,
    regions: Output,
    way: Way,
) -> list[Node]:
    """Decode, keep the picture's own background, save, and say what that changed."""
    if way.regions_only:
        *decoded, said = decode_regions(sheet, loaded, latent, picture.image, regions)
        sheet.fold(*decoded)
    else:
        *decoded, said = decode_whole(sheet, loaded, latent, picture.image, regions)
        decoded[-1].inputs["fit"] = "by size" if picture.fit == "off" else "centre crop"
    shown = decoded[-1][0]
    save = sheet.add("SaveImage", "Result", images=shown, filename_prefix="instance_edit")
    return [*decoded, save, said]
