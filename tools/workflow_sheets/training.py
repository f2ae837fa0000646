"""A LoRA, trained with the masks active."""

from __future__ import annotations

from . import loaders, steps
from .sheet import Sheet

FOLDER = "your_training_folder"


def train_kontext_lora(sheet: Sheet) -> None:
    """FLUX.1 Kontext: IDAttn's LoRA over a folder, every sample with its own regions."""
    sheet.note(
        "# Train with the masks active\nPut a folder into ComfyUI's input folder, with "
        "*NAME.png*, *NAME.edited.png* and *NAME.json* for each sample (*Save Regions* "
        "writes such a JSON), all pictures of one size. Choose it in **folder** and run. IDAttn's "
        "own settings are set: rank 32, learning rate 0.0001, one picture at a time."
    )
    sheet.note(
        "## Leave as it is\n*batch_size* 1 and *bucket_mode* off: ComfyUI would mix regions up and "
        "leave pictures unscaled, which is refused. *checkpoint_depth* 3 saves memory; FLUX does "
        "not run with 2. `make train-lora` of the repository trains the same, goes on after a "
        "stop, and takes pictures of any sizes."
    )
    loaded = loaders.kontext(sheet)
    data = sheet.add("InstanceEditLoadTrainingFolder", folder=FOLDER)
    text = sheet.add(
        "InstanceEditMultiPromptEncode",
        clip=loaded.clip,
        regions=data[2],
        vae=loaded.vae,
        image=data[0],
    )
    latents = sheet.add("VAEEncode", "What they shall become", pixels=data[1], vae=loaded.vae)
    bias = sheet.add("InstanceEditBuildBias", **steps.IDATTN, **steps.LEVEL)
    patched = sheet.add("InstanceEditApplyAttention", model=loaded.model, bias=bias[0])
    train = sheet.add(
        "TrainLoraNode",
        model=patched[0],
        latents=latents[0],
        positive=text[0],
        steps=1000,
        learning_rate=0.0001,
        rank=32,
        lora_dtype="fp32",
        checkpoint_depth=3,
        bypass_mode=True,
    )
    save = sheet.add("SaveLoRA", lora=train[0], prefix="loras/instance_edit", steps=train[2])
    curve = sheet.add("LossGraphNode", loss=train[1])
    sheet.column("1  Model", *loaded.nodes)
    sheet.column("2  Samples", data, text, latents)
    sheet.column("3  Bias", bias, patched)
    sheet.column("4  Train", train, save, curve)
