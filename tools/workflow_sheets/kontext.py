"""Workflows for FLUX.1 Kontext."""

from __future__ import annotations

from dataclasses import replace

from . import loaders, months, steps
from .instructions import (
    BOXES_NOTE,
    INSTRUCTIONS,
    PREVIEW_NOTE,
    draw_boxes,
)
from .loaders import Loaded
from .sheet import Node, Sheet
from .steps import Prepared, Source

TABLE = """old,new,x1,y1,x2,y2
January,Deep winter,0.047,0.148,0.2,0.203
March,First flowers,0.693,0.148,0.818,0.203
May,Long evenings,0.37,0.362,0.456,0.417
"""


def mice_kontext_boxes(sheet: Sheet) -> None:
    """FLUX.1 Kontext: boxes drawn with the mouse, an instruction in each."""
    sheet.note(
        "# Draw boxes, write instructions\n1. Load your picture: it lies under the boxes at "
        "once.\n2. Drag a box over everything you want to change and write the instruction into "
        "its description.\n3. Run.\n\n" + BOXES_NOTE
    )
    sheet.note(
        "## Tips\nWrite each instruction as a whole sentence (*replace the coffee with green "
        "matcha tea*). Boxes may overlap; both instructions act there. A little room around an "
        "object helps when the new one is larger."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.kontext(sheet)
    picture = steps.kontext_picture(sheet)
    boxes = draw_boxes(sheet, "Drag boxes, write instructions", picture.shown, INSTRUCTIONS)
    regions = sheet.add("InstanceEditRegionsFromBoxes", boxes=boxes[2])
    sheet.column("1  Picture and model", *picture.nodes, *loaded.nodes, width=300)
    sheet.fold(regions)
    sheet.column("2  Instances", boxes, regions, width=400)
    steps.finish(sheet, 3, loaded, picture, regions[0], steps.Way(28, 2.5))


def idattn_infographic(sheet: Sheet) -> None:
    """IDAttn: twelve texts of an infographic changed at once."""
    sheet.note(
        "# Twelve texts at once\nThe months become French. Load your infographic, drag a box over "
        'every text and write the change into its description, as `Change "old" to "new".` '
        "*IDAttn* with its blocks "
        "*har, dis, har* holds up with hundreds of boxes, down to 0.6 % of the picture.\n\n"
        + BOXES_NOTE
    )
    sheet.note(
        "## Tip\nLeave *text_length* at *real tokens*: cost then grows with the words, not with "
        "the number of boxes."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.kontext(sheet)
    picture = steps.kontext_picture(sheet, months.FILE)
    texts = months.names_in_french()
    square = (months.SIDE, months.SIDE)
    boxes = draw_boxes(sheet, "Drag a box over every text", picture.shown, texts, square)
    regions = sheet.add("InstanceEditRegionsFromBoxes", boxes=boxes[2])
    sheet.column("1  Picture and model", *picture.nodes, *loaded.nodes, width=300)
    sheet.fold(regions)
    sheet.column("2  Texts", boxes, regions, width=400)
    steps.finish(sheet, 3, loaded, picture, regions[0], steps.Way(28, 4.0, steps.IDATTN))


def idattn_text_table(sheet: Sheet) -> None:
    """IDAttn: texts from a table, with room for those that become longer."""
    sheet.note(
        "# Texts from a table\nOne row per text: what stands there, what shall stand there, and "
        "its box. Write the table, or paste it from a spreadsheet as CSV; JSON does as well "
        '(`[{"old": .., "new": .., "xyxy": ..}]`). *dialect* says what its numbers are: here '
        "fractions of the picture.\n\n*longer_texts* widens the box of a text that becomes longer, "
        "up to halfway to the next one; *template* is the instruction."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.kontext(sheet)
    picture = steps.kontext_picture(sheet, months.FILE)
    table = sheet.add("PrimitiveStringMultiline", "Old text, new text, box", value=TABLE)
    regions = sheet.add(
        "InstanceEditRegionsFromBoxes",
        boxes=table[0],
        image=picture.image,
        dialect="xyxy 0..1",
        longer_texts="to the right",
    )
    report = sheet.add("PreviewAny", "Room for longer texts", source=regions[1])
    sheet.column("1  Picture and model", *picture.nodes, *loaded.nodes, width=300)
    sheet.column("2  Texts", table, regions, report, width=400)
    steps.finish(sheet, 3, loaded, picture, regions[0], steps.Way(28, 4.0, steps.IDATTN))


def mice_lora_controlnet(sheet: Sheet) -> None:
    """With a LoRA on the model and a ControlNet on the conditioning."""
    sheet.note(
        "# With LoRA and ControlNet\nThe LoRA goes onto the model **before** *Apply Instance "
        "Attention*, the ControlNet onto the conditioning **after** *Reference Latent*. Choose "
        "your own files; bypass (Ctrl+B) what you do not need."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.kontext(sheet)
    lora = sheet.add(
        "LoraLoaderModelOnly",
        "Your LoRA",
        model=loaded.model,
        lora_name="your_flux_lora.safetensors",
        strength_model=0.8,
    )
    loaded = loaded._replace(model=lora[0], nodes=[*loaded.nodes, lora])
    source = steps.picture(sheet, loaded.vae)
    boxes = draw_boxes(sheet, "Drag boxes, write instructions", source.image, INSTRUCTIONS)
    regions = sheet.add("InstanceEditRegionsFromBoxes", boxes=boxes[2])
    sheet.fold(regions, *loaded.nodes[1:3])
    prepared = steps.prepare(sheet, loaded, regions[0], source.latent)
    controlled = steer(sheet, loaded, source, prepared)
    steered = replace(prepared, positive=controlled[-1][0])
    sampling = steps.sample(sheet, loaded, steered, steps.Way(28, 2.5), source.image, regions[0])
    inside = steps.look_inside(sheet, source.image, regions[0], prepared)
    encode, refer, *patched = prepared.nodes
    guide, *rest = sampling
    sheet.fold(encode, controlled[1], guide)
    sheet.column("1  Picture, model, LoRA", *source.nodes, *loaded.nodes, width=300)
    sheet.column("2  Instances", boxes, regions, width=400)
    prompts = [encode, refer, *controlled, guide, *patched]
    sheet.column("3  Prompts, ControlNet, bias", *prompts, width=300)
    sheet.column("4  Sample", *rest)
    sheet.column("Look inside", *inside, width=380)


def steer(sheet: Sheet, loaded: Loaded, source: Source, prepared: Prepared) -> list[Node]:
    """A ControlNet that follows the picture's edges; the last node gives the conditioning."""
    control = sheet.add(
        "ControlNetLoader",
        "Your ControlNet",
        control_net_name="your_flux_controlnet.safetensors",
    )
    edges = sheet.add("Canny", image=source.image)
    guided = sheet.add(
        "ControlNetApplyAdvanced",
        positive=prepared.positive,
        negative=prepared.positive,
        control_net=control[0],
        image=edges[0],
        vae=loaded.vae,
        strength=0.5,
        end_percent=0.6,
    )
    return [control, edges, guided]
