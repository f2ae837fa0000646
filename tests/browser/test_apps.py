"""Shipped workflows as templates and as apps, on both front ends and in both renderers."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page, expect

from instance_edit.tests.browser import canvas as on
from instance_edit.tests.browser.front_end import prompt_of
from instance_edit.tools.load_pack import ROOT

NAMES = sorted(path.stem for path in (ROOT / "workflows").glob("*.json"))
TOGGLE = "() => window.app.extensionManager.command.execute('Comfy.ToggleLinear')"
SHOWN = """() => [...document.images].some(image =>
  image.src.includes('type=output') && image.naturalWidth && image.clientWidth > 200)"""
STEPS = 2


def open_as_app(page: Page, name: str) -> dict[str, Any]:
    """A shipped workflow, few steps long; what it shows as an app."""
    path = ROOT / "workflows" / f"{name}.json"
    graph = json.loads(path.read_text(encoding="utf-8"))
    for node in graph["nodes"]:
        if node["type"] == "KSampler":
            node["widgets_values"][2] = STEPS
    page.evaluate("text => window.app.loadGraphData(JSON.parse(text))", json.dumps(graph))
    page.wait_for_function("n => window.app.graph.nodes.length === n", arg=len(graph["nodes"]))
    page.keyboard.press("Escape")  # what is said of missing models
    page.evaluate(TOGGLE)
    expect(page.get_by_test_id("linear-run-button")).to_be_visible()
    page.wait_for_timeout(1500)  # its panel slides in
    return graph["extra"]["linearData"]


def run(page: Page) -> None:
    """Until a result stands in the middle of the app."""
    page.get_by_test_id("linear-run-button").get_by_role("button", name="Run").click()
    page.wait_for_function(SHOWN, timeout=60_000)


def test_the_canvas_sheet_is_drawn_on_and_run_as_an_app(canvases: Page) -> None:
    page = canvases
    open_as_app(page, "canvas_first_edit")
    expect(on.surface(page)).to_be_visible()
    expect(on.board(page).locator(".ie-hint")).to_contain_text("run once to see it")
    rows = on.board(page).locator(".ie-items .ie-row")
    before = rows.count()
    assert before == 3
    on.board(page).locator(".ie-row textarea").first.fill("replace the red circle with a blue ring")
    run(page)
    expect(on.board(page).locator(".ie-hint")).to_be_empty()
    expect(on.board(page).locator("[data-act=result]")).to_be_enabled()
    page.evaluate(TOGGLE)
    (drawn,) = (n for n in prompt_of(page).values() if n["class_type"] == "InstanceEditCanvas")
    first, *others = json.loads(drawn["inputs"]["canvas"])["instances"]
    assert first["instruction"] == "replace the red circle with a blue ring" and len(others) == 2


def test_first_edit_is_run_as_an_app(canvases: Page) -> None:
    shown = open_as_app(canvases, "first_edit")
    widgets = canvases.get_by_test_id("linear-widgets")
    for name in {widget for _, widget in shown["inputs"]}:
        expect(widgets.get_by_text(name, exact=True).first).to_be_visible()
    run(canvases)
    canvases.evaluate(TOGGLE)


def test_boxes_are_drawn_in_an_app_with_the_classic_renderer_too(canvases: Page) -> None:
    page = canvases
    open_as_app(page, "mice_kontext_boxes")
    editor = page.get_by_test_id("linear-widgets").get_by_test_id("bounding-boxes")
    expect(editor).to_be_visible()
    editor.get_by_text("Clear all").click()
    area = editor.locator("canvas").bounding_box()
    assert area is not None
    at = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in on.CORNERS]
    page.mouse.move(*at[0])
    page.mouse.down()
    page.mouse.move(*at[1], steps=3)
    page.mouse.up()
    editor.get_by_placeholder("description of this region").fill("make it a red kimono")
    page.wait_for_timeout(500)
    page.evaluate(TOGGLE)
    (boxes,) = (n for n in prompt_of(page).values() if n["class_type"] == "CreateBoundingBoxes")
    (drawn,) = boxes["inputs"]["editor_state"]["__value__"]
    assert drawn["metadata"]["desc"] == "make it a red kimono"


def test_templates_are_listed_by_name(canvases: Page) -> None:
    page = canvases
    page.evaluate("() => window.app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("instance-edit", exact=True).last.click()
    expect(page.get_by_text(NAMES[0], exact=True)).to_be_visible()
    lines = dialog.inner_text().splitlines()
    listed = [line for line in lines if line in NAMES]
    assert listed[:6] == NAMES[:6]
    page.keyboard.press("Escape")
    expect(page.get_by_text(NAMES[0], exact=True)).to_have_count(0)
