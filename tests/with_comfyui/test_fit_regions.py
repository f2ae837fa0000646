"""Masks stay on their objects, whatever becomes of the picture: the node, every workflow."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.fit import Size
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.mask_ops.token_grid import grid_coverage
from instance_edit.tests.with_comfyui.core import run_core, run_node
from instance_edit.tools.load_pack import ROOT
from instance_edit.tools.workflow_sheets.drawn import canvas_text, instance, polygon

Regions = tuple[InstanceRegion, ...]
Workflow = dict[str, dict[str, Any]]
SIZES = ((1024, 1024), (1080, 1920), (1000, 3000), (2000, 700), (600, 2600), (743, 1001))
"""Heights and widths; Kontext's sizes crop all but the first."""
FOLDER = ROOT / "workflows" / "api"
LOADED = ('"LoadImage"', '"InstanceEditCanvas"')
SHOWN = '"InstanceEditPreviewRegions"'
TYPED = '"PrimitiveStringMultiline"'
"""A table of boxes in words, which follow no picture."""


def is_drawn(workflow: str) -> bool:
    """Whether a workflow's regions are drawn on the picture that it loads."""
    loaded = any(kind in workflow for kind in LOADED)
    return TYPED not in workflow and loaded and SHOWN in workflow


PAINTED = sorted(path.stem for path in FOLDER.glob("*.json") if is_drawn(path.read_text("utf-8")))


def scene(size: Size) -> Tensor:
    """(1, H, W, 3): dark, with a bright object at its upper left."""
    image = torch.zeros(1, *size, 3)
    y, x = (
        slice(round(side * a), round(side * b))
        for side, a, b in zip(size, (0.12, 0.26), (0.35, 0.42), strict=True)
    )
    image[:, y, x] = 1.0
    return image


def object_of(image: Tensor) -> Tensor:
    """(1, H, W): where the object is, as a detector finds it."""
    return (image[..., 0] > 0.5).float()


def overlap(found: Tensor, true: Tensor) -> float:
    return float((found & true).sum() / (found | true).sum())


def lies_on(region: InstanceRegion, image: Tensor) -> bool:
    """Whether a region has the tokens of the object in a picture.

    Scaling moves an edge by up to half a pixel: tokens that it cuts in half may go either way.
    """
    grid = (image.shape[1] // 16, image.shape[2] // 16)
    share = grid_coverage(object_of(image), grid)[0]
    tied = (share - 0.5).abs() < 1 / 16
    return torch.equal(region.on_grid(grid) & ~tied, (share >= 0.5) & ~tied)


def fit(nodes: dict[str, type], regions: Regions, how: str = "stretch", **inputs: Any) -> Any:
    chosen = {"how": how, **{key: inputs.pop(key) for key in ("x", "y") if key in inputs}}
    given = {"width": 0, "height": 0, **inputs}
    return run_node(nodes["InstanceEditFitRegions"], regions=regions, how=chosen, **given)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_masks_follow_kontexts_crop(pack_nodes: dict[str, type], size: Size) -> None:
    picture = scene(size)
    regions = (InstanceRegion("a", mask=object_of(picture)),)
    (small,) = run_core("FluxKontextImageScale", image=picture)
    fitted, report = fit(pack_nodes, regions, "centre crop", before=picture, after=small)
    assert lies_on(fitted[0], small)
    assert lies_on(regions[0], small) == (size in ((1024, 1024), (743, 1001)))
    assert f"from {size[1]} x {size[0]} to {small.shape[2]} x {small.shape[1]}" in report
    assert fit(pack_nodes, regions, "centre crop", after=small)[0] == fitted


def test_masks_follow_a_border_and_a_tile(pack_nodes: dict[str, type]) -> None:
    picture = scene((300, 500))
    regions = (InstanceRegion("a", mask=object_of(picture)),)
    scale = {"upscale_method": "area", "width": 200, "height": 120, "crop": "disabled"}
    (small,) = run_core("ImageScale", image=picture, **scale)
    padded = torch.zeros(1, 200, 200, 3)
    padded[:, 40:160] = small
    tile = picture[:, 20:116, 110:238]
    for after, how, place in ((padded, "pad", {}), (tile, "tile", {"x": 110, "y": 20})):
        [fitted] = fit(pack_nodes, regions, how, after=after, **place)[0]
        size = (after.shape[1], after.shape[2])
        assert overlap(fitted.on_grid(size), object_of(after)[0] > 0) > 0.98, how
        assert fitted.size == size


def test_sizes_come_from_pictures_from_numbers_or_from_the_regions(
    pack_nodes: dict[str, type],
) -> None:
    relative = (InstanceRegion("a", box=Box(0.25, 0.25, 0.75, 0.75)),)
    with pytest.raises(ValueError, match="the regions know none"):
        fit(pack_nodes, relative, width=64, height=64)
    with pytest.raises(ValueError, match="connect 'after', or set width and height"):
        fit(pack_nodes, relative, before=scene((64, 128)))
    [found] = fit(
        pack_nodes, relative, "centre crop", before=scene((64, 128)), width=64, height=64
    )[0]
    assert found.box == Box(0, 0.25, 1, 0.75) and found.size == (64, 64)


def test_a_tile_keeps_the_regions_that_reach_into_it_and_says_so(
    pack_nodes: dict[str, type],
) -> None:
    regions = tuple(
        InstanceRegion(name, box=Box(x, 0, x + 0.4, 1), size=(64, 128))
        for name, x in (("left", 0.0), ("right", 0.55))
    )
    [kept], report = fit(pack_nodes, regions, "tile", x=0, y=0, width=64, height=64)
    assert kept.instruction == "left" and "1 of 2 region(s)" in report
    assert "do not reach into the tile" in report


class Runner:
    """Runs what a workflow needs for its regions and its picture, without any model.

    Loaded pictures are the scene with its object painted as mask; boxes are drawn around the
    object in the picture under them, corners clicked around it on the canvas; SAM 3 and a vision
    model find it.
    """

    def __init__(self, nodes: dict[str, type], workflow: Workflow, size: Size) -> None:
        self.nodes, self.workflow, self.size = nodes, workflow, size
        self.done: dict[str, tuple[Any, ...]] = {}

    def value(self, link: Any) -> Any:
        if isinstance(link, list) and len(link) == 2:
            return self.outputs(link[0])[link[1]]
        return link["__value__"] if isinstance(link, dict) else link

    def outputs(self, key: str) -> tuple[Any, ...]:
        if key not in self.done:
            self.done[key] = self.run(self.workflow[key])
        return self.done[key]

    def run(self, node: dict[str, Any]) -> tuple[Any, ...]:
        kind, inputs = node["class_type"], node["inputs"]
        if kind == "LoadImage":
            picture = scene(self.size)
            return picture, object_of(picture)
        if kind == "InstanceEditLora":  # one thing is drawn here, and no file is there
            return (self.value(inputs["regions"]),)
        if kind == "SAM3_Detect":
            found = object_of(self.value(inputs["image"]))
            return (found.expand(2, -1, -1),)
        if kind == "InstanceEditCanvas" and "regions" not in inputs:
            return run_node(self.nodes[kind], canvas=self.clicked(), image=scene(self.size))
        if kind == "CreateBoundingBoxes":
            return None, None, self.drawn(self.value(inputs["background"]))
        if kind == "TextGenerate":
            return (self.answered(self.value(inputs["image"])),)
        values = {name: self.value(value) for name, value in inputs.items()}
        if kind == "InstanceEditFitRegions":
            values["how"] = {"how": values["how"]}
        if kind in self.nodes:
            return run_node(self.nodes[kind], **values)
        return run_core(kind, **values)

    def clicked(self) -> str:
        """The canvas with a polygon around the object."""
        rows, columns = object_of(scene(self.size))[0].nonzero().T
        y1, y2 = (int(y) / self.size[0] for y in (rows.min(), rows.max() + 1))
        x1, x2 = (int(x) / self.size[1] for x in (columns.min(), columns.max() + 1))
        around = polygon((x1, y1), (x2, y1), (x2, y2), (x1, y2))
        height, width = self.size
        return canvas_text([instance("make it red", "", around)], (width, height))

    @staticmethod
    def drawn(image: Tensor) -> list[dict[str, Any]]:
        """`elements`: the object's box in thousandths."""
        rows, columns = object_of(image)[0].nonzero().T
        y1, y2 = (int(y) * 1000 // image.shape[1] for y in (rows.min(), rows.max() + 1))
        x1, x2 = (int(x) * 1000 // image.shape[2] for x in (columns.min(), columns.max() + 1))
        return [{"type": "obj", "bbox": [y1, x1, y2, x2], "desc": "make it red"}]

    @classmethod
    def answered(cls, image: Tensor) -> str:
        """The same box as a vision model writes it."""
        (element,) = cls.drawn(image)
        y1, x1, y2, x2 = element["bbox"]
        return json.dumps([{"bbox_2d": [x1, y1, x2, y2], "instruction": element["desc"]}])


SOURCES = {
    "InstanceEditCompositeBackground": "source",
    "InstanceEditDecodeRegions": "image",
    "InstanceEditPreviewRegions": "image",
}
"""Nodes that know the picture as it is edited, and what they call it."""


@pytest.mark.parametrize("size", SIZES[1:], ids=str)
@pytest.mark.parametrize("name", PAINTED)
def test_in_every_shipped_workflow_regions_lie_on_their_objects(
    pack_nodes: dict[str, type], name: str, size: Size
) -> None:
    workflow: Workflow = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    knowing = [node for node in workflow.values() if node["class_type"] in SOURCES]
    runner = Runner(pack_nodes, workflow, size)
    source = SOURCES[knowing[0]["class_type"]]
    edited, regions = (runner.value(knowing[0]["inputs"][part]) for part in (source, "regions"))
    touched = torch.nn.functional.max_pool2d(object_of(edited), 16)[0] > 0
    for region in regions:
        if region.mask is not None:
            assert lies_on(region, edited)
        else:  # to a thousandth of the picture
            assert overlap(region.on_grid((touched.shape[0], touched.shape[1])), touched) > 0.8
    report = run_node(
        pack_nodes["InstanceEditPreviewRegions"], image=edited, regions=regions, token_grid=False
    )[1]
    assert ", another shape:" not in report
