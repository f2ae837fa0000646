"""The regions' JSON: what is read, what is refused and how, and the page that describes it."""

from __future__ import annotations

import base64
import json
import re
from io import BytesIO
from typing import Any

import pytest
import torch
from PIL import Image

from instance_edit.mask_ops.json_fields import FILE, INSTANCE, REQUIRED, SHAPES, Field
from instance_edit.mask_ops.png import read_png, write_png
from instance_edit.mask_ops.regions_json import (
    EMPTY,
    DrawnInstance,
    DrawnRegions,
    read_regions_json,
    regions_as_json,
    write_regions_json,
)
from instance_edit.mask_ops.shapes import BoxShape
from instance_edit.tests.pages import page

BOX = {"kind": "box", "op": "add", "box": [0, 0.25, 0.5, 1]}
PNG = write_png(torch.tensor([[0, 7], [200, 255]], dtype=torch.uint8))


def coloured_png() -> str:
    file = BytesIO()
    Image.new("RGB", (2, 2)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def instance(**values: Any) -> dict[str, Any]:
    return {"instruction": "make it red", "shapes": [BOX], **values}


def file(*instances: dict[str, Any], **values: Any) -> str:
    return json.dumps({"version": 1, "instances": list(instances), **values})


def shaped(**shape: Any) -> str:
    return file(instance(label="car"), instance(shapes=[BOX, {"op": "add", **shape}], label="sky"))


def read(text: str) -> DrawnRegions:
    return read_regions_json(text, "the canvas")


def test_what_is_left_out_has_its_default() -> None:
    drawn = read(file(instance()))
    assert drawn == DrawnRegions(
        (DrawnInstance("make it red", (BoxShape("add", drawn.instances[0].shapes[0].box),)),)
    )
    assert drawn.instances[0].shapes[0].box == (0.0, 0.25, 0.5, 1.0)
    assert drawn.size is None and drawn.instances[0].strength == 1.0
    assert read(EMPTY) == DrawnRegions(())


LORA = {"file": "fox.safetensors", "image": 0.5, "text": -1.0, "ring": 2, "sha256": "ab"}


def test_every_key_comes_back_as_it_was_written() -> None:
    shapes = [
        BOX,
        {"kind": "polygon", "op": "subtract", "points": [[0, 0], [1, 0], [1 / 3, 1]]},
        {"kind": "stroke", "op": "add", "points": [[0.1, 0.2]], "radius": 0.05},
        {"kind": "mask", "op": "subtract", "png": PNG},
    ]
    values = instance(
        shapes=shapes, id="a1", label="car", color="#E69F00", strength=0, start=0.25, end=0.5,
        grow=3, reference=2, reference_masks=[PNG], seed=2**64 - 1, loras=[LORA],
        hidden=True, locked=True, muted=True,
    )  # fmt: skip
    assert values.keys() == INSTANCE.keys()
    told = {"version": 1, "size": [30, 40], "instances": [values]}
    drawn = read(json.dumps(told))
    assert regions_as_json(drawn) == told
    assert read("\ufeff" + write_regions_json(drawn)) == drawn


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the canvas must hold JSON such as"),
        ("{", "Paste a whole text"),
        ("[" * 100_000, "Paste a whole text"),
        ("[]", "must hold a JSON object"),
        ("{}", "the canvas needs the key 'version': 1."),
        ('{"version": 1}', "needs the key 'instances': a list of instances"),
        (file(version=2), "has version 2, and this Instance Edit reads version 1: update it"),
        (file(version=0), "'version' must be 1, got 0"),
        (file(version=True), "'version' must be 1, got True"),
        (file(pages=3), "the canvas has no key 'pages': remove it, or update Instance Edit"),
        (file(size=[0, 5]), "'size' must be null or .height, width. in pixels, got .0, 5."),
        (file(instances=[5]), "'instances' must be a list of instances, got .5."),
        (file({"shapes": []}), "the canvas, instance 1 needs the key 'instruction': text"),
        (file(instance(), {"instruction": "x", "label": "sky"}), "instance 2 .'sky'. needs"),
        (file(instance(loras=[1])), "'loras' must be a list of LoRAs, got .1."),
        (file(instance(loras=[{}])), "instance 1, LoRA 1 needs the key 'file'"),
        (file(instance(loras=[{"file": ""}])), "'file' must be the name of a file in ComfyUI's"),
        (file(instance(loras=[{**LORA, "image": 21}])), "'image' must be a number from -20 to 20"),
        (file(instance(loras=[{**LORA, "ring": 9}])), "'ring' must be a whole number from 0 to 8"),
        (file(instance(loras=[{**LORA, "name": "x"}])), "LoRA 1 has no key 'name'"),
        (file(instance(colour="red")), "instance 1 has no key 'colour'"),
        (file(instance(color="red")), "'color' must be null or #rrggbb, got 'red'"),
        (file(instance(strength=-1)), "'strength' must be a number from 0 to 10, got -1"),
        (file(instance(strength=True)), "'strength' must be a number from 0 to 10, got True"),
        (file(instance(strength=float("nan"))), "'strength' must be a number from 0 to 10"),
        (file(instance(strength=10**400)), "'strength' must be a number from 0 to 10"),
        (file(instance(start=0.5, end=0.5)), "'start' must be below 'end', got 0.5 to 0.5"),
        (file(instance(grow=1.5)), "'grow' must be a whole number from 0 to 512, got 1.5"),
        (file(instance(reference=0)), "'reference' must be null or a whole number from 1"),
        (file(instance(seed=2**64)), "'seed' must be null or a whole number from 0 to 2.64 - 1"),
        (file(instance(muted=1)), "'muted' must be true or false, got 1"),
        (file(instance(instruction="half \ud83d")), "'instruction' must be text"),
        (file(instance(reference_masks=["x"])), "a reference mask must be the base64 of a grey"),
        (file(instance(id="a"), instance(id="a")), "instances 1 and 2 have the same id 'a'"),
        (file(*[instance()] * 1001), "may hold 1000 instances, got 1001"),
        (shaped(kind="circle"), "instance 2 .'sky'., shape 2: 'kind' must be one of box, polygon"),
        (shaped(kind="box", box=[0.5, 0, 0.4, 1]), "shape 2 .box.: 'box' must be .x1, y1, x2, y2"),
        (shaped(kind="box", box=[10, 10, 200, 200]), "fractions with x1 < x2 and y1 < y2"),
        (shaped(kind="box", box=[0, 0, 1, 1], rotation=3), "has no key 'rotation'"),
        (shaped(kind="box", op="xor", box=[0, 0, 1, 1]), "'op' must be add or subtract"),
        (shaped(kind="polygon", points=[[0, 0], [1, 1]]), "at least 3 points .x, y., fractions"),
        (shaped(kind="stroke", points=[], radius=0.1), "at least 1 point"),
        (shaped(kind="stroke", points=[[0, 0]], radius=0), "'radius' must be a fraction of the"),
        (shaped(kind="mask", png="AAAA"), "shape 2: 'png' must be the base64 of a grey PNG"),
        (shaped(kind="mask", png=coloured_png()), "must be an 8-bit grey PNG .*got mode RGB"),
        (
            shaped(kind="polygon", points=[[0.5, 0.5]] * 100_001),
            "may hold 100000 points, got 100001",
        ),
    ],
)  # fmt: skip
def test_a_fault_is_refused_with_the_instance_what_is_wrong_and_what_it_must_be(
    text: str, said: str
) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        read(text)
    assert str(caught.value).startswith("the canvas") and len(str(caught.value)) < 500
    assert str(caught.value).endswith(".")


def test_a_broken_png_is_refused_when_it_is_read() -> None:
    whole = base64.b64decode(write_png(torch.randint(0, 255, (64, 64), dtype=torch.uint8)))
    with pytest.raises(ValueError, match="must hold a whole PNG"):
        read_png(base64.b64encode(whole[: len(whole) // 2]).decode())


@pytest.mark.parametrize("hard", [True, False])
def test_a_mask_comes_back_bit_for_bit(hard: bool) -> None:
    values = torch.randint(0, 256, (13, 7), dtype=torch.uint8)
    mask = values > 127 if hard else values
    wanted = mask * 255 if hard else mask
    assert torch.equal(read_png(write_png(mask)), wanted.to(torch.uint8))


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading of the page."""
    section = page("docs/regions_json.md").split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def as_row(key: str, field: Field) -> list[str]:
    default = "" if field.default is REQUIRED else json.dumps(field.default)
    return [f"`{key}`", field.must_be, default]


def test_the_page_has_every_key_as_the_code_reads_it() -> None:
    assert rows("The file") == [as_row(key, field) for key, field in FILE.items()]
    assert [row[:3] for row in rows("An instance")] == [
        as_row(key, field) for key, field in INSTANCE.items()
    ]
    assert all(row[3] for row in rows("An instance"))
    assert rows("Shapes") == [
        [kind, f"`{key}`", field.must_be]
        for kind, fields in SHAPES.items()
        for key, field in fields.items()
    ]


def test_the_example_of_the_page_is_read() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", page("docs/regions_json.md"), re.S)
    drawn = read(example)
    assert [len(one.shapes) for one in drawn.instances] == [1, 2] and drawn.size == (768, 1024)
