"""`make test-versions` runs files that are there, on pinned releases."""

import re
import sys

import pytest

from instance_edit.tools import run_versions
from instance_edit.tools.comfyui_sources import BETWEEN, CURRENT, OLDEST
from instance_edit.tools.load_pack import ROOT
from instance_edit.tools.workflow_sheets.sheet import Node
from instance_edit.tools.workflow_sheets.since import (
    GROWN,
    MODELS,
    SINCE,
    needed,
    version_numbers,
)

SOURCES = (OLDEST, *BETWEEN, CURRENT)


def test_every_file_that_it_runs_is_there() -> None:
    names = (*run_versions.FILES, *run_versions.FAMILIES)
    assert all((ROOT / run_versions.RING / name).is_file() for name in names)


def test_the_releases_are_pinned_by_their_content_and_rise() -> None:
    assert all(re.fullmatch(r"[0-9a-f]{64}", source.sha256) for source in SOURCES)
    assert len({source.folder for source in SOURCES}) == len(SOURCES)
    versions = [version_numbers(source.version) for source in SOURCES]
    assert versions == sorted(versions)


def test_a_word_that_names_no_release_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", ["run_versions", "0.1"])
    assert run_versions.main() == 1
    assert "ARGS must name some of 0.18.2, 0.24.1" in caplog.text


def test_releases_compare_as_numbers_and_the_newest_node_decides() -> None:
    assert version_numbers("0.9.0") < version_numbers("0.18.2")
    kinds = ("KSampler", "SAM3_Detect", "CreateBoundingBoxes")
    sampler, find, boxes = (Node(n, kind, kind, {}) for n, kind in enumerate(kinds))
    assert needed([sampler, find]) == SINCE["SAM3_Detect"]
    assert needed([find, boxes]) == SINCE["CreateBoundingBoxes"]
    assert needed([sampler]) == OLDEST.version
    krea2 = Node(4, "CLIPLoader", "", {"type": "krea2"})
    assert needed([boxes, krea2]) == MODELS["krea2"][0]
    trainer = Node(5, "TrainLoraNode", "", {})
    assert needed([find, trainer]) == GROWN["TrainLoraNode"][0]


def test_the_readme_and_contributing_name_every_release() -> None:
    for page in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        assert all(source.version in text for source in SOURCES), page
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    needs = readme[readme.index("The pack needs ComfyUI") :].split("\n\n", 1)[0]
    named = {*SINCE.values(), *(version for version, _ in (*GROWN.values(), *MODELS.values()))}
    assert all(version in needs for version in named)
