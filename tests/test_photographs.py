"""The pictures that ship: their licence, their size, and that workflows name no others."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image
from skimage import data

from instance_edit.tools.load_pack import ROOT
from instance_edit.tools.workflow_sheets.instructions import CAT, COFFEE, SIZE
from instance_edit.tools.workflow_sheets.months import FILE, MONTHS, SIDE, names_in_french

FOLDER = ROOT / "web" / "photographs"
NAMES = {path.name for path in FOLDER.glob("*.jpg")}
LARGEST, LARGEST_DRAWN = 300_000, 60_000
SOURCES = {COFFEE: data.coffee()[:, 4:596], CAT: data.chelsea()[6:294, 1:449]}


def test_the_front_end_brings_the_photographs_that_there_are() -> None:
    script = (ROOT / "web" / "canvas" / "comfy" / "photographs.js").read_text(encoding="utf-8")
    [listed] = re.findall(r"PHOTOGRAPHS = (\[.*?\]);", script, re.DOTALL)
    assert set(json.loads(re.sub(r",\s*\]", "]", listed))) == {*NAMES, FILE}
    assert {COFFEE, CAT} == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_photograph_is_small_free_and_what_its_note_says(name: str) -> None:
    [row] = [line for line in (FOLDER / "README.md").read_text().splitlines() if name in line]
    assert "CC0 1.0" in row and "scikit-image" in row
    assert (FOLDER / name).stat().st_size <= LARGEST
    picture = np.asarray(Image.open(FOLDER / name).convert("RGB"), dtype=float)
    assert picture.shape == SOURCES[name].shape
    assert np.abs(picture - SOURCES[name]).mean() < 3  # JPEG


def test_a_photograph_is_whole_tokens_and_the_boxes_are_drawn_on_its_size() -> None:
    for name in NAMES:
        assert all(side % 16 == 0 for side in Image.open(FOLDER / name).size)
    assert Image.open(FOLDER / COFFEE).size == SIZE


def test_the_infographic_is_small_and_every_name_lies_in_its_box() -> None:
    assert (FOLDER / FILE).stat().st_size <= LARGEST_DRAWN
    picture = Image.open(FOLDER / FILE).convert("L")
    assert picture.size == (SIDE, SIDE) and SIDE % 16 == 0
    dark = np.asarray(picture) < 128
    for x, y, width, height in (placed.box for placed in names_in_french()):
        left, top = round(x * SIDE), round(y * SIDE)
        right, bottom = round((x + width) * SIDE), round((y + height) * SIDE)
        around = dark[top - 4 : bottom + 4, left - 4 : right + 4].sum()
        assert 100 < dark[top:bottom, left:right].sum() == around
    assert len(MONTHS) == 12


def test_the_workflows_load_no_pictures_but_these() -> None:
    named = {"LoadImage": "image", "InstanceEditCanvas": "picture"}
    loaded = {
        node["inputs"][named[node["class_type"]]]
        for path in (ROOT / "workflows" / "api").glob("*.json")
        for node in json.loads(path.read_text(encoding="utf-8")).values()
        if node["class_type"] in named
    }
    assert loaded - {""} == {FILE, *NAMES}
