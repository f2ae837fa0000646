"""Canvases that are copied, lie in a subgraph, or get something by their sockets."""

from __future__ import annotations

import base64
import json

import pytest
from playwright.sync_api import Page, expect

from instance_edit.tests.browser import canvas as on
from instance_edit.tests.browser.front_end import prompt_of
from instance_edit.tools.browser import press_run

COPY = """() => {
  const { app } = window
  app.canvas.select(app.graph.nodes[0])
  app.canvas.copyToClipboard()
  app.canvas.pasteFromClipboard()
  app.graph.nodes[1].pos = [780, 100]
  app.canvas.deselectAll()
  app.canvas.setDirty(true, true)
}"""
INTO_SUBGRAPH = """() => {
  const { graph } = window.app
  graph.convertToSubgraph(new Set([graph.nodes[0]]))
  return JSON.stringify(graph.serialize())
}"""
SAVED = "() => JSON.stringify(window.app.graph.serialize())"
"""A workflow as its file has it: what is not given must not come back as null."""
WITH_MASKS = """() => {
  const { app, LiteGraph } = window
  const [canvas] = app.graph.nodes
  const made = ['SolidMask', 'SaveImage'].map((kind, n) => {
    const node = LiteGraph.createNode(kind)
    node.pos = [900, 100 + 300 * n]
    app.graph.add(node)
    return node
  })
  made[0].connect(0, canvas, 'masks')
  canvas.connect(3, made[1], 0)
}"""

LINKED = """() => {
  const { app, LiteGraph } = window
  const image = LiteGraph.createNode('EmptyImage')
  image.pos = [900, 100]
  app.graph.add(image)
  image.connect(0, app.graph.nodes[0], 'image')
}"""
NO_PICTURE = base64.b64encode(b"no picture").decode()


@pytest.fixture
def page(canvas_page: Page) -> Page:
    return canvas_page


def test_a_copied_node_has_a_canvas_of_its_own(page: Page) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "in both")
    page.evaluate(COPY)
    on.wait_for_canvases(page, 2)
    expect(on.board(page, 1).locator(".ie-row textarea")).to_have_value("in both")
    on.drag(page, (0.6, 0.6), (0.9, 0.9), number=1)
    on.type_wish(page, "in the copy")
    assert [one["instruction"] for one in on.instances(page)] == ["in both"]
    assert [one["instruction"] for one in on.instances(page, 1)] == ["in both", "in the copy"]


def test_a_canvas_in_a_subgraph_opens_in_full_screen_from_outside(page: Page) -> None:
    saved = page.evaluate(INTO_SUBGRAPH)
    for wish in ("first", "after a reload"):
        page.evaluate("text => window.app.loadGraphData(JSON.parse(text))", saved)
        page.wait_for_function("() => window.app.graph.nodes[0]?.subgraph")
        page.wait_for_timeout(300)
        page.evaluate(
            "id => window.app.extensionManager.command.execute(id)", "InstanceEdit.OpenCanvas"
        )
        expect(page.locator("dialog.ie-full")).to_be_visible()
        on.wait_for_canvases(page)
        on.drag(page, (0.3, 0.3), (0.6, 0.6))
        on.type_wish(page, wish)
        page.locator("dialog.ie-full [data-act=close]").click()
        expect(page.locator("dialog.ie-full")).to_have_count(0)
        (node,) = prompt_of(page).values()
        drawn = json.loads(node["inputs"]["canvas"])["instances"]
        assert drawn[-1]["instruction"] == wish
        saved = page.evaluate(SAVED)
    assert len(drawn) == 2


def test_several_canvases_and_none_selected_asks_which(canvases: Page) -> None:
    on.add_canvases(canvases, count=2)
    canvases.evaluate("() => window.app.canvas.deselectAll()")
    canvases.evaluate(
        "id => window.app.extensionManager.command.execute(id)", "InstanceEdit.OpenCanvas"
    )
    expect(canvases.get_by_text("Select the node Instance Canvas").first).to_be_visible()
    expect(canvases.locator("dialog.ie-full")).to_have_count(0)


def test_a_mask_that_came_in_is_taken_over_and_corrected(page: Page) -> None:
    page.evaluate(WITH_MASKS)
    press_run(page)
    guest = on.board(page).locator(".ie-guest")
    expect(guest).to_have_count(1, timeout=60_000)
    assert on.kinds(page) == []
    guest.get_by_role("button", name="Take over").click()
    expect(guest).to_have_count(0)
    assert [one["id"] for one in on.instances(page)] == ["masks-1"]
    on.board(page).locator(".ie-row textarea").fill("the sky")
    page.keyboard.press("Escape")
    on.surface(page).focus()
    page.keyboard.press("e")
    on.drag(page, (0.2, 0.2), (0.6, 0.2))
    assert on.kinds(page) == [["mask", "-stroke"]]
    assert on.instances(page)[0]["instruction"] == "the sky"


def test_a_picture_that_is_not_drawn_on_is_said(page: Page) -> None:
    status = on.board(page).locator(".ie-status")
    page.evaluate(LINKED)
    hint = on.board(page).locator(".ie-hint")
    expect(hint).to_contain_text("run once to see it")
    on.drop_picture(page, "dropped.png", NO_PICTURE)
    expect(status).to_contain_text("The picture comes from the node at 'image'")
    page.route("**/upload/image", lambda route: route.fulfill(status=400))
    try:
        on.drop_picture(page, "refused.png", NO_PICTURE)
        expect(status).to_contain_text("ComfyUI did not take the picture")
    finally:
        page.unroute("**/upload/image")
