"""The workflow for Bernini-R: two Wan models, one for the first steps and one for the last."""

from __future__ import annotations

from . import loaders, steps
from .instructions import INSTRUCTIONS, PREVIEW_NOTE, draw_boxes
from .loaders import Loaded
from .sheet import Node, Output, Sheet

HIGH = "wan2.2_bernini_r_high_noise_fp8_scaled.safetensors"
LOW = "wan2.2_bernini_r_low_noise_fp8_scaled.safetensors"
CLIP, VAE = "umt5_xxl_fp8_e4m3fn_scaled.safetensors", "Wan2_1_VAE_bf16.safetensors"
FAST = "lightx2v_T2V_14B_cfg_step_distill_v2_lora_rank64_bf16.safetensors"
STRENGTHS = (3.0, 1.5)
STEPS, FIRST = 6, 3
TASK = "You are a helpful assistant specialized in image editing."


def mice_bernini_edit(sheet: Sheet) -> None:
    """Bernini-R as core's own graph edits a picture, in six steps."""
    sheet.note(
        "# Bernini-R\nBoxes with an instruction each. One model makes the first steps, another the "
        "last: both get the bias. *Bernini Conditioning* gives the picture to the prompts. "
        "*text_length* is *as core*: the padding of the text takes part in Wan."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.single(sheet, HIGH, CLIP, VAE, kind="wan")
    low = loaders.load(sheet, "UNETLoader", "The last steps' model", unet_name=LOW)
    source = steps.scaled_picture(sheet)
    boxes = draw_boxes(sheet, "Drag boxes, write instructions", source.shown, INSTRUCTIONS[1:])
    regions = sheet.add("InstanceEditRegionsFromBoxes", boxes=boxes[2])
    sheet.fold(regions)
    sheet.column("1  Picture and models", *source.nodes, *loaded.nodes, low, width=300)
    conditioned = encode(sheet, loaded, regions[0], source.image)
    bias = sheet.add("InstanceEditBuildBias", regions=regions[0], **steps.MICE, **steps.LEVEL)
    models = [
        patched(sheet, model, bias[0], strength)
        for model, strength in zip((loaded.model, low[0]), STRENGTHS, strict=True)
    ]
    nodes = [*conditioned, bias, *(node for pair in models for node in pair)]
    sheet.fold(conditioned[0], *(lora for lora, _ in models))
    prepared = steps.Prepared(
        models[0][-1][0], conditioned[-1][0], bias[0], conditioned[-1][2], nodes
    )
    schedule, sampling = sample(sheet, loaded, [pair[-1][0] for pair in models], conditioned[-1])
    sheet.fold(sampling[-1])
    decoded = steps.decode_whole(sheet, loaded, sampling[-1][0], source.image, regions[0])
    save = sheet.add("SaveImage", "Result", images=decoded[-2][0], filename_prefix="instance_edit")
    inside = steps.look_inside(sheet, source.image, regions[0], prepared)
    sheet.column("2  Instances", boxes, regions, *schedule, width=400)
    sheet.column("3  Prompts and bias", *nodes, width=300)
    sheet.column("4  Sample", *sampling, *decoded[:-1], save, decoded[-1])
    sheet.column("Look inside", *inside, width=380)


def encode(sheet: Sheet, loaded: Loaded, regions: Output, image: Output) -> list[Node]:
    """The prompts; the last node gives them the picture, and the latent."""
    prompts = sheet.add(
        "InstanceEditMultiPromptEncode",
        clip=loaded.clip,
        regions=regions,
        global_prompt=TASK,
        text_length="as core",
    )
    size = sheet.add("GetImageSize", image=image)
    conditioned = sheet.add(
        "BerniniConditioning",
        positive=prompts[0],
        negative=prompts[1],
        vae=loaded.vae,
        width=size[0],
        height=size[1],
        length=1,
        source_video=image,
    )
    return [prompts, size, conditioned]


def patched(sheet: Sheet, model: Output, bias: Output, strength: float) -> list[Node]:
    """A model with the LoRA for few steps, and the bias."""
    lora = loaders.load(
        sheet, "LoraLoaderModelOnly", model=model, lora_name=FAST, strength_model=strength
    )
    return [lora, sheet.add("InstanceEditApplyAttention", model=lora[0], bias=bias)]


def sample(
    sheet: Sheet, loaded: Loaded, models: list[Output], conditioned: Node
) -> tuple[list[Node], list[Node]]:
    """The schedule, and what samples by it, the first steps with one model and the others with the
    other; the last node gives the latent."""
    choice = sheet.add("KSamplerSelect", sampler_name="res_multistep")
    every = sheet.add("BasicScheduler", model=loaded.model, steps=STEPS, scheduler="simple")
    parts = sheet.add("SplitSigmas", sigmas=every[0], step=FIRST)
    samplers: list[Node] = []
    latent = conditioned[2]
    for n, model in enumerate(models):
        samplers.append(
            sheet.add(
                "SamplerCustom",
                "The last steps" if n else "The first steps",
                model=model,
                add_noise=not n,
                cfg=1.0,
                positive=conditioned[0],
                negative=conditioned[1],
                sampler=choice[0],
                sigmas=parts[n],
                latent_image=latent,
            )
        )
        latent = samplers[-1][0]
    return [choice, every], [parts, *samplers]
