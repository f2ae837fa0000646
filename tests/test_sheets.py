"""Shipped workflows as they open: large enough to be read, and as apps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from instance_edit.tools.load_pack import ROOT
from instance_edit.tools.workflow_sheets.graph import APP, RESULTS

NAMES = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
WIDTH, HEIGHT = 2000, 1265
"""A sheet of that size is fitted into a window of 1600 x 1000 pixels with its text drawn: the
classic renderer draws none below a zoom of 0.571."""
DRAWN_FROM = 0.571


def sheet(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "workflows" / f"{name}.json").read_text(encoding="utf-8"))


def corners(graph: dict[str, Any]) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of every node and group; a folded node is its title."""
    found: list[tuple[float, float, float, float]] = []
    for node in graph["nodes"]:
        (x, y), (width, height) = node["pos"], node["size"]
        found.append((x, y - 30, x + width, y + (0 if node["flags"] else height)))
    for group in graph["groups"]:
        x, y, width, height = group["bounding"]
        found.append((x, y, x + width, y + height))
    return found


def extent(graph: dict[str, Any]) -> tuple[float, float]:
    left, top, right, bottom = zip(*corners(graph), strict=True)
    return max(right) - min(left), max(bottom) - min(top)


@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_is_small_enough_to_be_read_as_it_opens(name: str) -> None:
    width, height = extent(sheet(name))
    assert width <= WIDTH and height <= HEIGHT


@pytest.mark.parametrize("name", NAMES)
def test_every_node_stands_in_a_group_and_every_note_above_them(name: str) -> None:
    graph = sheet(name)
    groups = corners({"nodes": [], "groups": graph["groups"]})
    places = zip(graph["nodes"], corners({**graph, "groups": []}), strict=True)
    for node, (left, top, right, bottom) in places:
        if node["type"] == "MarkdownNote":
            assert bottom < min(group[1] for group in groups)
            continue
        around = [
            group
            for group in groups
            if group[0] <= left and group[1] <= top and right <= group[2] and bottom <= group[3]
        ]
        assert len(around) == 1, (node["type"], name)


@pytest.mark.parametrize("name", NAMES)
def test_a_dropped_sheet_opens_with_its_text_drawn(name: str) -> None:
    assert sheet(name)["extra"]["ds"]["scale"] > DRAWN_FROM


@pytest.mark.parametrize("name", NAMES)
def test_an_app_shows_what_a_person_draws_and_chooses_and_the_results(name: str) -> None:
    graph = sheet(name)
    kinds = {node["id"]: node["type"] for node in graph["nodes"]}
    shown = graph["extra"]["linearData"]
    assert all(APP[kinds[number]] == widget for number, widget in shown["inputs"])
    offered = {number for number, _ in shown["inputs"]}
    drawn = {
        n for n, kind in kinds.items() if kind in ("CreateBoundingBoxes", "InstanceEditCanvas")
    }
    assert drawn <= offered and offered
    assert shown["outputs"] == [n for n, kind in kinds.items() if kind in RESULTS]
    assert "linearMode" not in graph["extra"]  # the graph opens first; the app is a choice


@pytest.mark.parametrize("name", NAMES)
def test_no_nodes_lie_on_each_other(name: str) -> None:
    graph = sheet(name)
    places = corners({**graph, "groups": []})
    for n, (left, top, right, bottom) in enumerate(places):
        for x1, y1, x2, y2 in places[:n]:
            assert right <= x1 or x2 <= left or bottom <= y1 or y2 <= top, (n, name)


@pytest.mark.parametrize("name", NAMES)
def test_whoever_draws_boxes_or_shapes_can_compare_before_and_after(name: str) -> None:
    nodes = json.loads((ROOT / "workflows" / "api" / f"{name}.json").read_text()).values()
    inputs = {node["class_type"]: node["inputs"] for node in nodes}
    if "CreateBoundingBoxes" in inputs:
        assert inputs["ImageCompare"]["image_b"] == inputs["SaveImage"]["images"]
    assert not {"ImageCompare", "InstanceEditCanvas"} <= inputs.keys()  # the canvas compares
