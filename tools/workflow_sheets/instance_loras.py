"""LoRAs of single instances."""

from __future__ import annotations

from . import loaders, steps
from .instructions import INSTRUCTIONS, PREVIEW_NOTE, draw_boxes
from .sheet import Node, Output, Sheet

FILES = ("your_flux_lora.safetensors", "your_second_flux_lora.safetensors")


def instance_loras(sheet: Sheet) -> None:
    """FLUX.1 Kontext: two things, each with a LoRA of its own, in one pass."""
    sheet.note(
        "# A LoRA for each thing\n*Instance LoRA* gives one instance a LoRA: it acts on that "
        "instance's tokens alone. **instance** is its number in *Preview Instance Regions*. "
        "Choose your own files; chain one node more for each further LoRA.",
        520,
        200,
    )
    sheet.note(
        "## One for the whole picture\nA LoRA for everything (fewer steps, a style) goes onto the "
        "model, with *LoraLoaderModelOnly*, as ever.",
        380,
        200,
    )
    sheet.note(PREVIEW_NOTE, 400, 200)
    loaded = loaders.kontext(sheet)
    source = steps.picture(sheet, loaded.vae)
    boxes = draw_boxes(sheet, "Drag boxes, write instructions", source.image, INSTRUCTIONS[:2])
    drawn = sheet.add("InstanceEditRegionsFromBoxes", boxes=boxes[2])
    loras = give_loras(sheet, drawn[0])
    regions = loras[-1][0]
    sheet.column("1  Model", *loaded.nodes)
    sheet.column("2  Picture", *source.nodes)
    sheet.column("3  Instances", boxes, drawn, width=440)
    sheet.column("4  Their LoRAs", *loras, width=360)
    steps.finish(sheet, 5, loaded, source, regions, steps.Way(28, 2.5, steps.IDATTN))


def give_loras(sheet: Sheet, regions: Output) -> list[Node]:
    """One Instance LoRA for each file, in a chain."""
    nodes: list[Node] = []
    for number, file in enumerate(FILES, start=1):
        node = sheet.add(
            "InstanceEditLora",
            f"LoRA of instance {number}",
            regions=regions,
            instance=str(number),
            lora=file,
        )
        nodes, regions = [*nodes, node], node[0]
    return nodes
