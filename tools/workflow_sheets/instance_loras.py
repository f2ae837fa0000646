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
        "Choose your own files; chain one node more for each further LoRA."
    )
    sheet.note(
        "## One for the whole picture\nA LoRA for everything (fewer steps, a style) goes onto the "
        "model, with *LoraLoaderModelOnly*, as ever."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.kontext(sheet)
    picture = steps.kontext_picture(sheet)
    boxes = draw_boxes(sheet, "Drag boxes, write instructions", picture.shown, INSTRUCTIONS[:2])
    drawn = sheet.add("InstanceEditRegionsFromBoxes", boxes=boxes[2])
    loras = give_loras(sheet, drawn[0])
    regions = loras[-1][0]
    sheet.column("1  Picture and model", *picture.nodes, *loaded.nodes, width=300)
    sheet.fold(drawn)
    sheet.column("2  Instances", boxes, drawn, width=400)
    way = steps.Way(28, 2.5, steps.IDATTN)
    steps.finish(sheet, 3, loaded, picture, regions, way, above=loras)


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
