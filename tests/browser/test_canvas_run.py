"""A first edit as a new user does it: own picture, three instances, Run; actions are counted."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from instance_edit.tests.browser import canvas as on
from instance_edit.tests.browser.front_end import keep_picture
from instance_edit.tools.browser import press_run
from instance_edit.tools.load_pack import ROOT

MOST_ACTIONS = 12
WISHES = (
    ((0.1, 0.1), (0.42, 0.42), "replace the red circle with a green star"),
    ((0.55, 0.12), (0.9, 0.45), "replace the blue square with a white ring"),
    ((0.3, 0.55), (0.7, 0.92), "replace the yellow triangle with a purple cross"),
)
COUNT = """() => {
  window.pressed = 0
  for (const name of ['pointerdown', 'drop'])
    window.addEventListener(name, () => { window.pressed += 1 }, { capture: true })
}"""
"""A press, whether a drag follows or not, and a drop are an action each."""


def own_picture() -> str:
    """A PNG in base64, with three things on it."""
    picture = Image.new("RGB", (128, 128), (70, 70, 70))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((16, 16, 50, 50), fill=(220, 30, 30))
    pen.rectangle((74, 18, 110, 54), fill=(30, 60, 220))
    pen.polygon(((64, 74), (42, 114), (86, 114)), fill=(240, 220, 40))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode()


def empty_workflow() -> dict[str, Any]:
    """The shipped workflow with nothing drawn, two steps, and no scene on the canvas."""
    graph = json.loads((ROOT / "workflows" / "canvas_first_edit.json").read_text(encoding="utf-8"))
    nodes = {node["type"]: node for node in graph["nodes"]}
    nodes["InstanceEditCanvas"]["widgets_values"][:2] = [on.EMPTY, ""]
    image = next(one for one in nodes["InstanceEditCanvas"]["inputs"] if one["name"] == "image")
    removed, image["link"] = image["link"], None
    graph["links"] = [link for link in graph["links"] if link[0] != removed]
    for output in nodes["InstanceEditDemoScene"]["outputs"]:
        output["links"] = [link for link in output["links"] or [] if link != removed]
    nodes["KSampler"]["widgets_values"][2] = 2
    return graph


def test_own_picture_three_instances_and_the_result_in_few_actions(canvases: Page) -> None:
    page = canvases
    page.evaluate("graph => window.app.loadGraphData(graph)", empty_workflow())
    expect(on.surface(page)).to_be_visible(timeout=60_000)
    page.evaluate(COUNT)
    on.drop_picture(page, "my_picture.png", own_picture())
    expect(on.board(page).locator(".ie-status")).to_contain_text("8 × 8", timeout=30_000)
    keep_picture(page, "first_run_1")
    for start, end, wish in WISHES:
        on.drag(page, start, end)
        on.type_wish(page, wish)
    keep_picture(page, "first_run_2")
    assert [one["instruction"] for one in on.instances(page, 2)] == [wish for *_, wish in WISHES]
    press_run(page)
    compare = on.board(page).locator("[data-act=result]")
    expect(compare).to_be_enabled(timeout=240_000)
    compare.click()
    expect(on.board(page).locator(".ie-split")).to_be_visible()
    page.wait_for_timeout(500)
    keep_picture(page, "first_run_3")
    assert len(WISHES) + 3 <= page.evaluate("() => window.pressed") <= MOST_ACTIONS
