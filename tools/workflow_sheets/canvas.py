"""The shortest edit: what is drawn on the canvas, in one pass; needs no files."""

from __future__ import annotations

import json

from ...demo.scenes import CANVAS
from . import loaders
from .demo import SEED, STEPS
from .sheet import Json, Sheet

SHAPES: tuple[Json, ...] = (
    {"kind": "box", "op": "add", "box": [0.0, 0.0, 0.34, 0.34]},
    {
        "kind": "polygon",
        "op": "add",
        "points": [[0.67, 0.34], [0.99, 0.34], [0.99, 0.66], [0.67, 0.66]],
    },
    {"kind": "stroke", "op": "add", "points": [[0.5, 0.83]], "radius": 0.165},
)
"""A box, a polygon and a dot of the brush, around the shapes of the demo's scene."""
INSTRUCTIONS = (
    ("circle", "replace the red circle with a green star"),
    ("square", "replace the blue square with an orange ring"),
    ("triangle", "replace the yellow triangle with a purple cross"),
)


def drawing() -> Json:
    """What is drawn on the canvas."""
    instances = [
        {"id": str(n), "instruction": instruction, "label": label, "shapes": [shape]}
        for n, ((label, instruction), shape) in enumerate(
            zip(INSTRUCTIONS, SHAPES, strict=True), start=1
        )
    ]
    return {"version": 1, "size": [CANVAS, CANVAS], "instances": instances}


def canvas_first_edit(sheet: Sheet) -> None:
    """Draw, write, run: canvas, encode, apply, sampler."""
    sheet.note(
        "# Draw and edit\nWhat is drawn on *Instance Canvas* is edited in **one pass**: *Canvas* "
        "-> *Multi-Prompt Encode* -> *KSampler*, and the model through *Apply Instance Attention*. "
        "The rest loads, decodes and saves.\n\nPress **Run**. Then draw another shape or write "
        "another word (shapes: circle, square, triangle, star, ring, cross) and run again. To "
        "draw one instance anew with another seed, put *Instance Noise* before the sampler."
    )
    sheet.note(
        "## Your own picture\nExchange *Demo Model Loader* for your model's loaders, take *Demo "
        "Scene* away and choose a *picture* in the canvas. Set *fit* of *Multi-Prompt Encode* to "
        "*Kontext's sizes* for FLUX.1 Kontext."
    )
    loaded = loaders.demo(sheet)
    scene = sheet.add("InstanceEditDemoScene")
    text = json.dumps(drawing(), indent=1)
    drawn = sheet.add("InstanceEditCanvas", canvas=text, image=scene[0])
    encode = sheet.add(
        "InstanceEditMultiPromptEncode",
        clip=loaded.clip,
        regions=drawn[0],
        vae=loaded.vae,
        image=drawn[1],
    )
    patched = sheet.add("InstanceEditApplyAttention", model=loaded.model)
    sampler = sheet.add(
        "KSampler",
        model=patched[0],
        positive=encode[0],
        negative=encode[1],
        latent_image=encode[2],
        seed=SEED,
        steps=STEPS,
        cfg=1.0,
        sampler_name="euler",
        scheduler="simple",
    )
    decode = sheet.add("VAEDecode", samples=sampler[0], vae=loaded.vae)
    save = sheet.add("SaveImage", "Result", images=decode[0], filename_prefix="instance_edit")
    sheet.column("1  Model and picture", *loaded.nodes, scene)
    sheet.column("2  Draw and write", drawn, width=480)
    sheet.column("3  Prepare", encode, patched)
    sheet.column("4  Sample", sampler, decode, save)
