"""The parts that the workflows have in common: prompts and bias, sampling, a look inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .loaders import Loaded
from .sheet import Node, Output, Sheet

MICE: dict[str, Any] = {"method": "MICE"}
IDATTN: dict[str, Any] = {"method": "IDAttn"}
IID: dict[str, Any] = {"method": "IID"}


@dataclass(frozen=True)
class Prepared:
    """What is ready to be sampled."""

    model: Output
    positive: Output
    bias: Output
    latent: Output
    nodes: list[Node]


def picture(sheet: Sheet, vae: Output, scale: str = "kontext") -> tuple[Output, Output, list[Node]]:
    """Load a picture, scale it as the model likes it and encode it: picture, latent, nodes."""
    load = sheet.add("LoadImage", "Your picture", image="example.png")
    if scale == "kontext":
        scaled = sheet.add("FluxKontextImageScale", image=load[0])
    else:
        scaled = scale_pixels(sheet, load[0], 1.0)
    latent = sheet.add("VAEEncode", pixels=scaled[0], vae=vae)
    return scaled[0], latent[0], [load, scaled, latent]


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
    global_prompt: str = "",
    references: tuple[Output, ...] | None = None,
) -> Prepared:
    """Prompts, references, bias and the patched model; references default to the latent."""
    encode = sheet.add(
        "InstanceEditMultiPromptEncode",
        clip=loaded.clip,
        regions=regions,
        global_prompt=global_prompt,
    )
    nodes, positive = [encode], encode[0]
    for reference in references or (latent,):
        node = sheet.add("ReferenceLatent", conditioning=positive, latent=reference)
        nodes, positive = [*nodes, node], node[0]
    bias = sheet.add("InstanceEditBuildBias", regions=regions, **method)
    patched = sheet.add("InstanceEditApplyAttention", model=loaded.model, bias=bias[0])
    return Prepared(patched[0], positive, bias[0], latent, [*nodes, bias, patched])


def sample(
    sheet: Sheet,
    loaded: Loaded,
    prepared: Prepared,
    steps: int,
    guidance: float | None = None,
    source: tuple[Output, Output] | None = None,
    name: str = "instance_edit",
) -> list[Node]:
    """Sample, decode, paste the background back and save.

    Args:
        guidance: of a guidance-distilled model.
        source: picture and regions for Composite Background, if it is wanted.
    """
    nodes, positive = [], prepared.positive
    if guidance is not None:
        guide = sheet.add("FluxGuidance", conditioning=positive, guidance=guidance)
        nodes, positive = [guide], guide[0]
    sampler = sampled(sheet, prepared.model, positive, prepared.latent, steps)
    decode = sheet.add("VAEDecode", samples=sampler[-1][0], vae=loaded.vae)
    nodes += [*sampler, decode]
    result = decode[0]
    if source is not None:
        paste = sheet.add(
            "InstanceEditCompositeBackground", source=source[0], edited=result, regions=source[1]
        )
        said = sheet.add("PreviewAny", "What changed outside", source=paste[2])
        nodes, result = [*nodes, paste, said], paste[0]
    save = sheet.add("SaveImage", "Result", images=result, filename_prefix=name)
    return [*nodes, save]


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
    """Both previews."""
    drawn = sheet.add(
        "InstanceEditPreviewRegions",
        image=image,
        regions=regions,
        conditioning=prepared.positive,
        bias=prepared.bias,
    )
    bias = sheet.add(
        "InstanceEditPreviewBias",
        bias=prepared.bias,
        image=image,
        conditioning=prepared.positive,
        model=prepared.model,
    )
    return [drawn, bias]


def finish(
    sheet: Sheet,
    first: int,
    loaded: Loaded,
    image: Output,
    latent: Output,
    regions: Output,
    count: int,
    guidance: float | None = None,
    method: dict[str, Any] = MICE,
    references: tuple[Output, ...] | None = None,
) -> None:
    """From the regions to the saved picture in ``count`` steps, columns numbered from ``first``."""
    prepared = prepare(sheet, loaded, regions, latent, method, references=references)
    sampling = sample(sheet, loaded, prepared, count, guidance, (image, regions))
    inside = look_inside(sheet, image, regions, prepared)
    sheet.column(f"{first}  Prompts and bias", *prepared.nodes)
    sheet.column(f"{first + 1}  Sample", *sampling)
    sheet.column("Look inside", *inside, width=420)
