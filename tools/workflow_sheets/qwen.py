"""Workflows for Qwen-Image-Edit."""

from __future__ import annotations

from . import drawn, loaders, steps
from .instructions import CAT, PREVIEW_NOTE
from .loaders import Loaded
from .sheet import Node, Output, Sheet

METHOD = "index_timestep_zero"
STEPS, CFG = 40, 4.0


def mice_qwen_edit(sheet: Sheet) -> None:
    """Qwen-Image-Edit 2511 as core's own graph runs it: two pictures, one of an instance alone."""
    sheet.note(
        "# Qwen-Image-Edit\nPicture **1**, in the canvas, is edited; picture **2** shows what "
        "shall appear in instance 1. Select that in the canvas's list: its *reference* is 2, which "
        "makes the second picture its own, also for the text encoder. *Multi-Prompt Encode* stands "
        "behind core's encode node and gets the same pictures."
    )
    sheet.note(
        "## Lightning\nFor four steps put *Load LoRA (Model)* with "
        "`Qwen-Image-Edit-2511-Lightning-4steps-V1.0-bf16.safetensors` behind the model, and set "
        "steps to 4 and cfg to 1."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.qwen_edit(sheet)
    subject = sheet.add("LoadImage", "The new subject", image=CAT)
    canvas = drawn.draw(sheet, drawn.with_subject("let the cat of picture 2 sit on the table"))
    source = steps.cropped_from(sheet, loaded.vae, canvas[1], [canvas])
    regions = drawn.fitted(sheet, canvas, source.image, "centre crop")
    prepared, negative = prepare(sheet, loaded, regions[0], source.latent, source.image, subject[0])
    sampling = sample(sheet, loaded, prepared, negative, source.image, regions[0])
    inside = steps.look_inside(sheet, source.image, regions[0], prepared)
    sheet.column("1  Model and subject", *loaded.nodes, subject, width=300)
    sheet.column("2  Picture and instances", *source.nodes, regions, width=drawn.WIDTH)
    sheet.column("3  Prompts and bias", *prepared.nodes, width=300)
    sheet.column("4  Sample", *sampling)
    sheet.column("Look inside", *inside, width=380)


def prepare(
    sheet: Sheet, loaded: Loaded, regions: Output, latent: Output, image: Output, subject: Output
) -> tuple[steps.Prepared, Output]:
    """What core's graph encodes, then every instruction; the patched model; and the negative."""
    pictures = {"image1": image, "image2": subject}
    title = "The whole picture's prompt"
    base = sheet.add(
        "TextEncodeQwenImageEditPlus",
        title,
        clip=loaded.clip,
        vae=loaded.vae,
        prompt="",
        **pictures,
    )
    encode = sheet.add(
        "InstanceEditMultiPromptEncode",
        clip=loaded.clip,
        regions=regions,
        conditioning=base[0],
        grounding="grounded",
        **pictures,
    )
    sheet.fold(encode)  # the whole picture's prompt is written above
    positive, negative = (
        sheet.add(
            "FluxKontextMultiReferenceLatentMethod",
            conditioning=encode[output],
            reference_latents_method=METHOD,
        )
        for output in (0, 1)
    )
    bias = sheet.add("InstanceEditBuildBias", regions=regions, **steps.MICE, **steps.LEVEL)
    shifted = sheet.add("ModelSamplingAuraFlow", model=loaded.model, shift=3.1)
    normed = sheet.add("CFGNorm", model=shifted[0], strength=1.0)
    patched = sheet.add("InstanceEditApplyAttention", model=normed[0], bias=bias[0])
    nodes = [base, encode, positive, negative, bias, shifted, normed, patched]
    return steps.Prepared(patched[0], positive[0], bias[0], latent, nodes), negative[0]


def sample(
    sheet: Sheet,
    loaded: Loaded,
    prepared: steps.Prepared,
    negative: Output,
    image: Output,
    regions: Output,
) -> list[Node]:
    """Sample with CFG, decode, paste the background of the picture back and save."""
    sampler = sheet.add(
        "KSampler",
        model=prepared.model,
        positive=prepared.positive,
        negative=negative,
        latent_image=prepared.latent,
        steps=STEPS,
        cfg=CFG,
        sampler_name="euler",
        scheduler="simple",
    )
    decoded = steps.decode_whole(sheet, loaded, sampler[0], image, regions)
    result = decoded[-2][0]
    save = sheet.add("SaveImage", "Result", images=result, filename_prefix="instance_edit")
    return [sampler, *decoded[:-1], save, decoded[-1]]
