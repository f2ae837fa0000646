"""Workflows for FLUX.2 klein."""

from __future__ import annotations

from dataclasses import replace

from . import drawn, loaders, steps
from .instructions import CAT, INSTRUCTIONS, PREVIEW_NOTE, draw_boxes
from .sheet import Sheet


def mice_klein_sam3(sheet: Sheet) -> None:
    """FLUX.2 klein in four steps: SAM 3 finds the objects by their name."""
    sheet.note(
        "# Find objects by name\n*SAM3 Detect* finds all that *What to find* names, one mask "
        "per object. Write one instruction per line into *Instance Regions from Masks*, in the "
        "order of the numbers that *Preview Instance Regions* shows."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.klein(sheet)
    sam_file = "sam3.1_multiplex_fp16.safetensors"
    sam = loaders.load(sheet, "CheckpointLoaderSimple", "SAM 3", ckpt_name=sam_file)
    picture = steps.scaled_picture(sheet, CAT)
    words = sheet.add("CLIPTextEncode", "What to find", clip=sam[1], text="eye")
    found = sheet.add(
        "SAM3_Detect",
        model=sam[0],
        image=picture.image,
        conditioning=words[0],
        individual_masks=True,
    )
    regions = sheet.add(
        "InstanceEditRegionsFromMasks",
        masks=found[0],
        instructions="turn the eye blue\nturn the eye golden",
    )
    sheet.column("1  Picture and model", *picture.nodes, *loaded.nodes, width=300)
    sheet.column("2  Instances", sam, words, found, regions, width=360)
    steps.finish(sheet, 3, loaded, picture, regions[0], steps.Way(4))


def plan_and_edit(sheet: Sheet) -> None:
    """One sentence: a local vision-language model divides it into instructions with boxes, which
    a person corrects on the canvas."""
    sheet.note(
        "# Say it in one sentence\n*Plan Regions* asks the vision-language model in *Generate "
        "Text* to divide your sentence into single edits, each with its place; *Instance Canvas* "
        "shows them. To look before the sampling, run *Preview Instance Regions* alone (the "
        "button over the selected node)."
    )
    sheet.note(
        "## Correct the plan\nAfter a run, press *Take over* in an instance's row on the "
        "canvas, and move it, draw it anew or write other words; or mute it there. Draw what was "
        "forgotten. The next run keeps that; the sentence is read again only if it changes."
    )
    sheet.note(
        "## The planner\nQwen3-VL 4B answers in 5 GB of memory, from ComfyUI 0.26.0 on. Another "
        "model that takes pictures does as well: load it, and choose its form in *answer*."
    )
    loaded = loaders.klein(sheet)
    picture = steps.scaled_picture(sheet)
    planner = loaders.load(
        sheet, "CLIPLoader", "Planner", clip_name="qwen3vl_4b_fp8_scaled.safetensors"
    )
    plan = sheet.add(
        "InstanceEditPlanRegions",
        sentence="Fill the cup with green tea, and turn the spoon into gold.",
        image=picture.image,
    )
    answer = sheet.add(
        "TextGenerate",
        clip=planner[0],
        prompt=plan[0],
        image=picture.image,
        max_length=1024,
        sampling_mode="off",
    )
    shown = sheet.add("PreviewAny", "What the model answered", source=answer[0])
    regions = sheet.add("InstanceEditRegionsFromBoxes", boxes=answer[0], dialect=plan[1])
    sheet.fold(regions)
    canvas = drawn.correct(sheet, picture.image, regions[0])
    sheet.column("1  Picture and models", *picture.nodes, *loaded.nodes, width=300)
    sheet.column("2  Plan", planner, plan, answer, shown, regions, width=300)
    way, seen = steps.Way(4), replace(picture, shown=picture.image)
    steps.finish(
        sheet, 3, loaded, seen, canvas[0], way, above=[canvas], width=drawn.WIDTH, bias_folded=True
    )


def mice_two_references(sheet: Sheet) -> None:
    """Two reference images: the scene, and the new subject of one instance."""
    sheet.note(
        "# A subject of its own\nReference image **1** is the picture in the canvas, which is "
        "edited; **2** shows the thing that shall appear in instance 1. Select that instance in "
        "the canvas's list: its *reference* is 2, which makes the second picture its own. Nothing "
        "else sees it."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.klein(sheet)
    subject = sheet.add("LoadImage", "The new subject", image=CAT)
    small = steps.scale_pixels(sheet, subject[0], 0.25)
    second = sheet.add("VAEEncode", "Reference 2", pixels=small[0], vae=loaded.vae)
    canvas = drawn.draw(sheet, drawn.with_subject("let the cat of image 2 sit on the table"))
    scaled = steps.scale_pixels(sheet, canvas[1], 1.0)
    picture = steps.Picture(scaled[0], scaled[0], "off", [canvas, scaled])
    regions = drawn.fitted(sheet, canvas, picture.image, "stretch")
    sheet.column("1  Model and subject", *loaded.nodes, subject, small, second, width=300)
    sheet.column("2  Picture and instances", *picture.nodes, regions, width=drawn.WIDTH)
    steps.finish(sheet, 3, loaded, picture, regions[0], steps.Way(4), (second[0],))


def klein_decode_regions(sheet: Sheet) -> None:
    """FLUX.2 klein in four steps, and only the regions are decoded."""
    sheet.note(
        "# Decode only the regions\nWith four steps, decoding is a good part of the work. *Decode "
        "Regions* stands for *VAE Decode* and *Composite Background*: it decodes windows around "
        "the regions and keeps the picture's own pixels everywhere else. Small regions save most."
    )
    sheet.note(
        "## How close it is\nThe decoder looks around itself: *halo* says how far it may, 0 "
        "chooses for the VAE. *match* gives each window the tint of the picture around it."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.klein(sheet)
    picture = steps.scaled_picture(sheet)
    boxes = draw_boxes(sheet, "Drag boxes, write instructions", picture.shown, INSTRUCTIONS[2:])
    regions = sheet.add("InstanceEditRegionsFromBoxes", boxes=boxes[2])
    sheet.column("1  Picture and model", *picture.nodes, *loaded.nodes, width=300)
    sheet.fold(regions)
    sheet.column("2  Instances", boxes, regions, width=400)
    steps.finish(sheet, 3, loaded, picture, regions[0], steps.Way(4, regions_only=True))
