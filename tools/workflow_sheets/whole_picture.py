"""A workflow in which the whole picture may change: its light and its style."""

from __future__ import annotations

from . import loaders, steps
from .instructions import INSTRUCTIONS, PREVIEW_NOTE, draw_boxes
from .sheet import Sheet

LIGHT = "the whole picture in the warm light of a low evening sun, with long soft shadows"


def klein_light_and_style(sheet: Sheet) -> None:
    """FLUX.2 klein: local instructions, and a light that all of the picture gets."""
    sheet.note(
        "# Light and style of the whole picture\n*global_prompt* of *Multi-Prompt Encode* says "
        "what happens to everything; *instances_see_global* of *Build Disentangled Bias* lets the "
        "instances take part in it.\n\nThe result is the model's own picture: **no *Composite "
        "Background*** here, which would put the old light back around every region."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.klein(sheet)
    source = steps.picture(sheet, loaded.vae, "pixels")
    boxes = draw_boxes(sheet, "Drag boxes, write instructions", source.shown, INSTRUCTIONS[2:])
    regions = sheet.add("InstanceEditRegionsFromBoxes", boxes=boxes[2])
    method = {**steps.MICE, "method__instances_see_global": True}
    prepared = steps.prepare(sheet, loaded, regions[0], source.latent, method)
    prepared.nodes[0].inputs["global_prompt"] = LIGHT
    sampling = steps.sampled(sheet, prepared.model, prepared.positive, source.latent, 4)
    decode = sheet.add("VAEDecode", samples=sampling[-1][0], vae=loaded.vae)
    save = sheet.add("SaveImage", "Result", images=decode[0], filename_prefix="instance_edit")
    inside = steps.look_inside(sheet, source.image, regions[0], prepared)
    sheet.column("1  Picture and model", *source.nodes, *loaded.nodes, width=300)
    sheet.fold(regions)
    sheet.column("2  Instances", boxes, regions, width=400)
    sheet.column("3  Prompts and bias", *prepared.nodes, width=300)
    sheet.column("4  Sample", *sampling, decode, save)
    sheet.column("Look inside", *inside, width=380)
