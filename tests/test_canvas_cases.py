"""The cells that a canvas draws are the cells owned: the table that JavaScript reads too."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from instance_edit.mask_ops.drawn_regions import regions_of, taking_part
from instance_edit.mask_ops.png import png_size, read_png
from instance_edit.mask_ops.regions import rasterise
from instance_edit.mask_ops.regions_json import DrawnRegions, read_regions_json
from instance_edit.mask_ops.shapes import raster_size
from instance_edit.mask_ops.validate import find_problems
from instance_edit.tools.load_pack import ROOT

TABLE = json.loads((ROOT / "tests" / "canvas_cases.json").read_text(encoding="utf-8"))
EMPTY = "empty:"
EVERY = pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["name"])
Case = dict[str, Any]


def drawn(case: Case) -> DrawnRegions:
    told = {"version": 1, "size": case["size"], "instances": case["instances"]}
    return read_regions_json(json.dumps(told), "the case")


def is_run(case: Case) -> bool:
    """Whether Python takes the case; an instance that covers nothing is refused."""
    return not any(finding.startswith(EMPTY) for finding in case["findings"])


@EVERY
def test_the_cells_are_those_of_the_table(case: Case) -> None:
    size, grid, extent = (tuple(case[key]) for key in ("size", "grid", "extent"))
    if not is_run(case):
        (number,) = (one.removeprefix(EMPTY) for one in case["findings"] if one.startswith(EMPTY))
        with pytest.raises(ValueError, match=f"instance {number}: it (has no shape|covers no)"):
            regions_of(drawn(case), "the case", size)
        return
    regions = regions_of(drawn(case), "the case", size)
    cells = rasterise(regions, grid, extent) if regions else torch.zeros(0, *grid)
    shown = [["".join(".#"[int(cell)] for cell in row) for row in one.tolist()] for one in cells]
    assert shown == case["cells"]
    found = find_problems(regions, cells.bool(), extent, size=size) if regions else []
    said = [f"{one.problem}:{','.join(map(str, one.instances))}" for one in found]
    assert [one for one in said if one.split(":")[0] in TABLE["codes"]] == case["findings"]


@EVERY
def test_the_masks_and_their_size_are_those_of_the_table(case: Case) -> None:
    pngs = [png for one in taking_part(drawn(case)) for png in one.pngs]
    assert list(raster_size(tuple(case["size"]), [png_size(png) for png in pngs])) == case["raster"]
    assert {png: read_png(png).tolist() for png in pngs} == case.get("pixels", {})


def test_every_code_and_every_kind_of_shape_is_in_the_table() -> None:
    found = {one.split(":")[0] for case in TABLE["cases"] for one in case["findings"]}
    assert found == set(TABLE["codes"])
    used = {
        (shape["kind"], shape["op"])
        for case in TABLE["cases"]
        for one in case["instances"]
        for shape in one["shapes"]
    }
    assert {kind for kind, _ in used} == {"box", "polygon", "stroke", "mask"}
    assert {("box", "subtract"), ("stroke", "subtract"), ("mask", "subtract")} <= used
