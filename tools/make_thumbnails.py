"""Draw `workflows/*.jpg`, the pictures of ComfyUI's template browser.

`python -m tools.run tools.make_thumbnails`
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from ..demo.example import INSTANCES, first_scene, instance_masks
from ..demo.scenes import render
from ..mask_ops.boxes import Box
from ..mask_ops.drawn_regions import regions_of
from ..mask_ops.read_boxes import parse_boxes
from ..mask_ops.regions import InstanceRegion
from ..mask_ops.regions_json import read_regions_json
from ..pictures.letters import font
from ..pictures.marks import INK, PAPER, to_picture
from ..pictures.regions import draw_regions
from .comfy_server import ComfyServer, make_base_directory
from .load_pack import ROOT
from .workflow_sheets import months
from .workflow_sheets.canvas import drawing
from .workflow_sheets.drawn import canvas_text
from .workflow_sheets.editors import EDITORS
from .workflow_sheets.instructions import CAT, COFFEE, INSTRUCTIONS
from .workflow_sheets.kontext import TABLE
from .workflow_sheets.kontext_canvas import masks

SIDE, BAR, INSET = 512, 56, 140
EYES = ((0.295, 0.28, 0.46, 0.49), (0.65, 0.36, 0.77, 0.54))
"""Ovals around things of the photograph, as fractions: left, top, right, bottom."""
TITLES = {
    "first_edit": "Three edits, one pass",
    "canvas_first_edit": "Draw and edit",
    "mice_kontext_boxes": "Draw boxes, write instructions",
    "mice_kontext_masks": "Paint masks",
    "mice_klein_sam3": "Find objects by name",
    "plan_and_edit": "One sentence, placed by a model",
    "idattn_infographic": "Twelve texts at once",
    "idattn_text_table": "Texts from a table",
    "klein_light_and_style": "Light and style",
    "mice_two_references": "A subject of its own",
    "mice_qwen_edit": "Qwen-Image-Edit",
    **{name: editor.model for name, editor in EDITORS.items()},
    "mice_bernini_edit": "Bernini-R",
    "klein_decode_regions": "Decode only the regions",
    "mice_lora_controlnet": "LoRA and ControlNet",
    "instance_loras": "A LoRA for each thing",
    "train_kontext_lora": "Train with masks",
    "mice_strength_steps": "Strength and steps",
    "iid_find_and_edit": "No masks: IID",
    "iid_masks_for_mice": "IID's masks, MICE's edit",
    "foi_find_and_edit": "No masks: FoI",
    "foi_from_the_picture": "FoI's own start",
    "turns_chained": "Edit after edit, no drift",
    "turns_three": "Three turns, inverted",
    "turns_as_published": "Turns as published",
}


def photograph(name: str) -> Image.Image:
    """One of those that come with the pack."""
    return Image.open(ROOT / "web" / "photographs" / name).convert("RGB")


def boxes(count: int) -> list[InstanceRegion]:
    """The first of the workflows' example instructions."""
    return [
        InstanceRegion(text, box=Box(x, y, x + width, y + height))
        for (x, y, width, height), text in INSTRUCTIONS[:count]
    ]


def oval(picture: Image.Image, place: tuple[float, ...], instruction: str) -> InstanceRegion:
    """A region with the mask of an oval."""
    return InstanceRegion(instruction, mask=drawn_oval(picture.size, place))


def drawn_oval(size: tuple[int, int], place: tuple[float, ...]) -> Tensor:
    """(height, width) float32, 1 inside."""
    mask = Image.new("L", size)
    corners = [part * size[n % 2] for n, part in enumerate(place)]
    ImageDraw.Draw(mask).ellipse(corners, fill=1)
    return torch.from_numpy(np.array(mask)).float()


def months_in_french() -> list[InstanceRegion]:
    """The names of the infographic, as they shall be."""
    names = (month.french for month in months.MONTHS)
    return [
        InstanceRegion(name, box=Box(x, y, x + width, y + height))
        for name, ((x, y, width, height), _) in zip(names, months.names_in_french(), strict=True)
    ]


def texts_of_the_table() -> list[InstanceRegion]:
    """The texts that the table gives the infographic."""
    read = parse_boxes(TABLE, months.SIDE, months.SIDE, "xyxy 0..1")
    return [InstanceRegion(one.change.new, box=one.box) for one in read if one.change]


def scene() -> tuple[Image.Image, list[InstanceRegion]]:
    """The demo's shapes."""
    first = first_scene()
    regions = [
        InstanceRegion(instance.instruction, mask=mask)
        for instance, mask in zip(INSTANCES, instance_masks(first), strict=True)
    ]
    return to_picture(render(first)[0].movedim(0, -1)), regions


def on_canvas(text: str) -> Sequence[InstanceRegion]:
    """What is drawn on a canvas with this text."""
    return regions_of(read_regions_json(text, "the drawing"), "the drawing")


def edited_scene(name: str) -> Image.Image:
    """What a workflow makes of the demo's shapes."""
    workflow = json.loads((ROOT / "workflows" / "api" / f"{name}.json").read_text())
    (save,) = (key for key, node in workflow.items() if node["class_type"] == "SaveImage")
    with (
        tempfile.TemporaryDirectory(prefix="instance-edit-thumbnails-") as base,
        ComfyServer(make_base_directory(Path(base))) as server,
    ):
        (result,) = server.client.pictures(server.run(workflow, show_progress=False), save)
    return Image.open(BytesIO(result))


def contents() -> dict[str, tuple[Image.Image, Sequence[InstanceRegion]]]:
    """Picture and regions of every thumbnail."""
    picture, cat = photograph(COFFEE), photograph(CAT)
    page = photograph(months.FILE)
    tea, spoon = boxes(2)
    eyes = [oval(cat, place, words) for place, words in zip(EYES, ("blue", "golden"), strict=True)]
    edged = picture.copy()
    half = (picture.width // 2, 0, picture.width, picture.height)
    edged.paste(picture.crop(half).convert("L").filter(ImageFilter.FIND_EDGES), half[:2])
    with_subject = picture.copy()
    with_subject.paste(cat.resize((168, 108)), (picture.width - 176, picture.height - 116))
    subject = InstanceRegion("the cat of image 2", box=boxes(4)[3].box)
    settings = ("strength 1.6", "start 0.2", "end 0.66")
    timed = [
        InstanceRegion(words, box=region.box)
        for words, region in zip(settings, boxes(3), strict=True)
    ]
    styled = [
        InstanceRegion(words, box=region.box)
        for words, region in zip(("oil painting LoRA", "pixel art LoRA"), boxes(2), strict=True)
    ]
    return {
        "first_edit": scene(),
        "canvas_first_edit": (scene()[0], on_canvas(json.dumps(drawing()))),
        "mice_kontext_boxes": (picture, boxes(4)),
        "mice_kontext_masks": (picture, on_canvas(canvas_text(masks()))),
        "mice_klein_sam3": (cat, eyes),
        "plan_and_edit": (picture, [tea, spoon]),
        "idattn_infographic": (page, months_in_french()),
        "idattn_text_table": (page, texts_of_the_table()),
        "klein_light_and_style": (picture, boxes(4)[2:]),
        "mice_two_references": (with_subject, [subject, tea]),
        "mice_qwen_edit": (with_subject, [subject, tea, spoon]),
        **dict.fromkeys((*EDITORS, "mice_bernini_edit"), (picture, boxes(4)[1:])),
        "klein_decode_regions": (picture, boxes(4)[2:]),
        "mice_lora_controlnet": (edged, boxes(4)),
        "instance_loras": (picture, styled),
        "train_kontext_lora": (picture, boxes(3)),
        "mice_strength_steps": (picture, timed),
        "iid_find_and_edit": scene(),
        "iid_masks_for_mice": scene(),
        "foi_find_and_edit": scene(),
        "foi_from_the_picture": scene(),
        "turns_chained": scene(),
        "turns_three": scene(),
        "turns_as_published": (picture, [tea, spoon]),
    }


def draw(name: str, picture: Image.Image, regions: Sequence[InstanceRegion]) -> Image.Image:
    """One thumbnail: the picture with its regions, over its title."""
    page = draw_regions(picture, regions, "")
    drawn = page.crop((0, 0, page.width, page.width * picture.height // picture.width))
    height = SIDE * drawn.height // drawn.width
    sheet = Image.new("RGB", (SIDE, SIDE), INK)
    above = max(SIDE - BAR - height, 0) // 2
    sheet.paste(drawn.resize((SIDE, height), Image.Resampling.LANCZOS), (0, above))
    bar = ImageDraw.Draw(sheet)
    bar.rectangle((0, SIDE - BAR, SIDE, SIDE), INK)
    bar.text((SIDE / 2, SIDE - BAR / 2), TITLES[name], PAPER, font(30), anchor="mm")
    return sheet


def main() -> None:
    for name, (picture, regions) in contents().items():
        thumbnail = draw(name, picture, regions)
        if name in ("first_edit", "canvas_first_edit"):
            inset = edited_scene(name).resize((INSET, INSET), Image.Resampling.LANCZOS)
            thumbnail.paste("white", (10, SIDE - BAR - INSET - 18, INSET + 18, SIDE - BAR - 10))
            thumbnail.paste(inset, (14, SIDE - BAR - INSET - 14))
        thumbnail.save(ROOT / "workflows" / f"{name}.jpg", quality=88)


if __name__ == "__main__":
    main()
