"""The photographs that ship: their licence, their size, and that workflows name no others."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image
from skimage import data

from instance_edit.tools.load_pack import ROOT
from instance_edit.tools.workflow_sheets.instructions import CAT, COFFEE, EXAMPLE, SIZE

FOLDER = ROOT / "web" / "photographs"
NAMES = {path.name for path in FOLDER.glob("*.jpg")}
LARGEST = 300_000
SOURCES = {COFFEE: data.coffee()[:, 4:596], CAT: data.chelsea()[6:294, 1:449]}


def test_the_front_end_brings_the_photographs_that_there_are() -> None:
    script = (ROOT / "web" / "canvas" / "comfy" / "photographs.js").read_text(encoding="utf-8")
    [listed] = re.findall(r"PHOTOGRAPHS = (\[.*?\]);", script, re.DOTALL)
    assert set(json.loads(listed)) == NAMES == {COFFEE, CAT}


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


def test_the_workflows_load_no_pictures_but_these_and_comfyuis_own() -> None:
    named = {"LoadImage": "image", "InstanceEditCanvas": "picture"}
    loaded = {
        node["inputs"][named[node["class_type"]]]
        for path in (ROOT / "workflows" / "api").glob("*.json")
        for node in json.loads(path.read_text(encoding="utf-8")).values()
        if node["class_type"] in named
    }
    assert loaded - {""} == {EXAMPLE, *NAMES}
