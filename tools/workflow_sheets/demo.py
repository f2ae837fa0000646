"""The workflow that needs no files."""

from __future__ import annotations

from . import loaders, steps
from .instructions import PREVIEW_NOTE
from .sheet import Sheet

STEPS, SEED = 8, 5
"""Of the eight first seeds, the one that leaves nothing of the square within the ring."""


def first_edit(sheet: Sheet) -> None:
    """Three edits in one pass with the miniature FLUX; needs no files."""
    sheet.note(
        "# First edit\nThree shapes, three instructions, **one pass**, on any machine in seconds: "
        "the *Demo Model Loader*'s miniature FLUX comes with the pack.\n\nPress **Run**. Then "
        "change a line in *Instance Regions from Masks* (shapes: circle, square, triangle, star, "
        "ring, cross) and run again."
    )
    sheet.note(
        "## How it works\nEvery mask has its own instruction. *Build Disentangled Bias* says who "
        "may see whom; *Apply Instance Attention* puts that into the model. The other nodes are "
        "ComfyUI's own."
    )
    sheet.note(PREVIEW_NOTE)
    loaded = loaders.demo(sheet)
    scene = sheet.add("InstanceEditDemoScene")
    picture = steps.Picture(scene[0], scene[0], "off", [scene])
    regions = sheet.add(
        "InstanceEditRegionsFromMasks",
        masks=scene[1],
        instructions="replace the red circle with a green star\n"
        "replace the blue square with an orange ring\n"
        "replace the yellow triangle with a purple cross",
    )
    sheet.column("1  Model, picture, instances", *loaded.nodes, scene, regions, width=340)
    steps.finish(sheet, 2, loaded, picture, regions[0], steps.Way(STEPS, seed=SEED))
