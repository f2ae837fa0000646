"""Instance Canvas in the real ComfyUI: its text, its picture, what comes in by its sockets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.mask_ops.regions_json import EMPTY, read_regions_json
from instance_edit.pictures.marks import instance_colour
from instance_edit.tests.with_comfyui.comfyui import folder_paths

TRIANGLE = {"kind": "polygon", "op": "add", "points": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}
LEFT = {"kind": "box", "op": "add", "box": [0, 0, 0.5, 1]}
PICTURE = torch.rand(1, 48, 64, 3, generator=torch.Generator().manual_seed(3))


def drawing(*instances: dict[str, Any], **values: Any) -> str:
    return json.dumps({"version": 1, "instances": list(instances), **values})


def one(*shapes: dict[str, Any], **values: Any) -> dict[str, Any]:
    return {"instruction": "make it red", "shapes": list(shapes), **values}


class Canvas:
    """The node, run as ComfyUI runs it."""

    def __init__(self, nodes: dict[str, type]) -> None:
        self.node: Any = nodes["InstanceEditCanvas"]

    def run(self, canvas: str, **inputs: Any) -> Any:
        return self.node.EXECUTE_NORMALIZED(canvas=canvas, **inputs)

    def said(self, canvas: str, **inputs: Any) -> dict[str, Any]:
        return self.run(canvas, **inputs).ui["instance_edit_canvas"][0]


@pytest.fixture
def canvas(pack_nodes: dict[str, type]) -> Canvas:
    return Canvas(pack_nodes)


@pytest.fixture
def picture() -> str:
    """A picture in a folder of the input folder."""
    path = Path(folder_paths.get_input_directory()) / "canvas" / "cat.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (PICTURE[0] * 255).round().byte().numpy()
    Image.fromarray(np.ascontiguousarray(pixels)).save(path)
    return "canvas/cat.png"


def test_the_text_becomes_regions_masks_and_a_picture_of_them(canvas: Canvas) -> None:
    text = drawing(one(LEFT, label="car", seed=7, color="#FF0000"), one(TRIANGLE))
    regions, image, masks, overview = canvas.run(text, image=PICTURE).args
    assert regions[0] == InstanceRegion("make it red", box=Box(0, 0, 0.5, 1), seed=7)
    assert regions[0].size == (48, 64) and regions[0].label == "car"
    assert regions[1].mask.shape == (48, 64) and image is PICTURE
    assert masks.shape == (2, 48, 64) and masks[0].sum() == 48 * 32
    assert torch.equal(masks[1].bool(), regions[1].mask)
    assert overview.shape == (1, 768, 1024, 3)
    pixels = (overview[0] * 255).round().byte().reshape(-1, 3).tolist()
    assert [255, 0, 0] in pixels and list(instance_colour(1)) in pixels
    assert list(instance_colour(0)) not in pixels


def test_a_picture_of_the_input_folder_is_drawn_on_and_shown(canvas: Canvas, picture: str) -> None:
    out = canvas.run(drawing(one(TRIANGLE)), picture=picture)
    assert torch.allclose(out.args[1], PICTURE, atol=1 / 255)
    (said,) = out.ui["instance_edit_canvas"]
    assert said["picture"] == {"filename": "cat.png", "subfolder": "canvas", "type": "input"}
    assert said["size"] == [48, 64] and said["imported"] == []


def test_a_connected_picture_goes_before_the_chosen_one(canvas: Canvas, picture: str) -> None:
    other = torch.zeros(1, 32, 32, 3)
    out = canvas.run(drawing(one(TRIANGLE)), image=other, picture=picture)
    assert out.args[1] is other and out.args[0][0].mask.shape == (32, 32)
    (said,) = out.ui["instance_edit_canvas"]
    shown = Path(folder_paths.get_temp_directory(), said["picture"]["subfolder"])
    assert said["picture"]["type"] == "temp" and (shown / said["picture"]["filename"]).is_file()


def test_a_batch_of_pictures_shares_what_is_drawn(canvas: Canvas) -> None:
    batch = PICTURE.expand(3, -1, -1, -1)
    regions, image, masks, _ = canvas.run(drawing(one(TRIANGLE)), image=batch).args
    assert regions[0].pictures == 1 and len(image) == 3 and len(masks) == 1


def test_without_a_picture_the_size_of_the_text_counts(canvas: Canvas) -> None:
    regions, image, masks, overview = canvas.run(drawing(one(TRIANGLE), size=[20, 30])).args
    assert regions[0].mask.shape == (20, 30) and masks.shape == (1, 20, 30)
    for blocked in (image, overview):
        assert "connect 'image', or choose a picture" in blocked.message


def test_an_empty_canvas_shows_its_picture_and_has_no_masks(canvas: Canvas) -> None:
    out = canvas.run(EMPTY, image=PICTURE)
    assert out.args[0] == () and "draw an instance" in out.args[2].message
    assert out.ui["instance_edit_canvas"][0]["size"] == [48, 64]
    assert out.args[3].shape == (1, 768, 1024, 3)


def test_muted_instances_take_no_part(canvas: Canvas) -> None:
    text = drawing(one(muted=True), one(LEFT, instruction=" b "), one(TRIANGLE, hidden=True))
    regions, _, masks, _ = canvas.run(text, image=PICTURE).args
    assert [region.instruction for region in regions] == ["b", "make it red"] and len(masks) == 2


def sockets() -> dict[str, Any]:
    masks = torch.zeros(2, 48, 64)
    masks[0, :10, :10] = 1
    masks[1, 20:, 30:] = 0.5
    boxes = [{"x": 8, "y": 8, "width": 16, "height": 16, "label": "cat"}]
    region = InstanceRegion("old", box=Box(0, 0, 0.25, 0.25), strength=0.5, label="first")
    return {"masks": masks, "boxes": boxes, "regions": (region,)}


def test_what_comes_in_is_added_behind_and_offered_to_the_canvas(canvas: Canvas) -> None:
    out = canvas.run(drawing(one(TRIANGLE)), image=PICTURE, **sockets())
    regions = out.args[0]
    assert [region.instruction for region in regions] == ["make it red", "", "", "cat", "old"]
    assert regions[4] == sockets()["regions"][0] and regions[4].label == "first"
    assert regions[3].box == pytest.approx((8 / 64, 8 / 48, 24 / 64, 24 / 48))
    assert regions[2].mask.dtype == torch.uint8 and regions[2].mask.max() == 128
    imported = out.ui["instance_edit_canvas"][0]["imported"]
    assert [each["id"] for each in imported] == ["masks-1", "masks-2", "boxes-1", "regions-1"]
    again = read_regions_json(drawing(*imported), "what came in")
    assert len(again.instances) == 4


def test_what_the_canvas_took_over_does_not_come_twice(canvas: Canvas) -> None:
    imported = canvas.said(EMPTY, image=PICTURE, **sockets())["imported"]
    imported[0] |= {"instruction": "mine", "shapes": [LEFT]}
    imported[1]["muted"] = True
    regions = canvas.run(drawing(*imported[:2]), image=PICTURE, **sockets()).args[0]
    assert [region.instruction for region in regions] == ["mine", "cat", "old"]


@pytest.mark.parametrize(
    ("text", "inputs", "said"),
    [
        ("", {}, "the canvas must hold JSON such as"),
        (drawing(one(TRIANGLE)), {}, "instance 1: its shapes need the size of the picture"),
        (drawing(one(label="sky")), {"image": PICTURE}, r"instance 1 \('sky'\): it has no shape"),
        (drawing(one(LEFT, loras=[1])), {"image": PICTURE}, "'loras' must be a list of LoRAs"),
        (EMPTY, {"picture": "nowhere.png"}, "'picture' must be an image file of the input folder"),
        (EMPTY, {"picture": "../../etc/passwd"}, "'picture' must be an image file of the input"),
        (EMPTY, {"picture": "/etc/passwd [temp]"}, "an image file of the temp folder"),
        (EMPTY, {"boxes": [[0, 0, 5, 5]]}, "'boxes' need the picture"),
        (
            EMPTY,
            {"boxes": [{"bbox_2d": [250, 125, 500, 625], "label": "cup"}], "image": PICTURE},
            "'boxes': box 1 does not say .* put Instance Regions from Boxes between",
        ),
        (EMPTY, {"masks": torch.zeros(2, 8, 8)}, "'masks', mask 1 of 2 is empty"),
        (
            EMPTY,
            {"regions": (InstanceRegion("a", box=Box(0, 0, 1, 1), origin="nowhere"),)},
            "instance 1 has no place yet",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    canvas: Canvas, text: str, inputs: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        canvas.run(text, **inputs)


def test_comfyui_hears_of_a_missing_picture_and_of_a_changed_one(
    canvas: Canvas, picture: str
) -> None:
    assert canvas.node.validate_inputs(picture="") is True
    assert canvas.node.validate_inputs(picture=picture) is True
    assert "must be an image file" in canvas.node.validate_inputs(picture="nowhere.png")
    before = canvas.node.fingerprint_inputs(picture=picture)
    Image.new("RGB", (64, 48)).save(Path(folder_paths.get_input_directory()) / picture)
    assert canvas.node.fingerprint_inputs(picture=picture) != before
    assert canvas.node.fingerprint_inputs(picture="nowhere.png") == ""


def test_a_server_runs_a_canvas_that_a_program_sends(comfy_server: Any) -> None:
    """Its picture lies in a folder, which no combo lists."""
    folder = comfy_server.base_directory / "input" / "sub"
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), "blue").save(folder / "blue.png")
    text = drawing(one(LEFT), one(TRIANGLE))
    workflow = {
        "1": {
            "class_type": "InstanceEditCanvas",
            "inputs": {"canvas": text, "picture": "sub/blue.png"},
        },
        "2": {"class_type": "PreviewImage", "inputs": {"images": ["1", 3]}},
    }
    outputs = comfy_server.run(workflow, show_progress=False)
    (saved,) = comfy_server.client.pictures(outputs, "2")
    assert saved[:4] == b"\x89PNG"
    (said,) = outputs["1"]["instance_edit_canvas"]
    assert said["picture"] == {"filename": "blue.png", "subfolder": "sub", "type": "input"}


def test_masks_of_another_size_than_the_picture_lie_on_it(canvas: Canvas) -> None:
    small: Tensor = torch.zeros(1, 12, 16)
    small[0, :6] = 1
    regions = canvas.run(drawing(one(TRIANGLE)), image=PICTURE, masks=small).args[0]
    assert regions[1].mask.shape == (48, 64) and regions[1].mask[:24].all()
    assert not regions[1].mask[24:].any()


def test_regions_that_come_to_an_empty_canvas_lie_on_the_picture_of_now(canvas: Canvas) -> None:
    """Whatever picture was on the canvas when it was saved."""
    came = canvas.run(drawing(one(LEFT)), image=PICTURE).args[0]
    (region,) = canvas.run(drawing(size=[10, 90]), image=PICTURE, regions=came).args[0]
    assert (region.box, region.size) == (came[0].box, (48, 64))


def test_what_comes_beside_what_was_drawn_lies_on_the_picture_of_now(canvas: Canvas) -> None:
    came = canvas.run(drawing(one(LEFT)), image=PICTURE).args[0]
    saved = drawing(one(LEFT), size=[10, 90])
    regions = canvas.run(saved, image=PICTURE, regions=came).args[0]
    assert [region.size for region in regions] == [(10, 90), (48, 64)]
