"""What a person does in the browser: find nodes, open workflows, draw boxes, run, read help."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from instance_edit.tests.browser.front_end import keep_picture, prompt_of
from instance_edit.tools.browser import press_run
from instance_edit.tools.comfy_server import ComfyServer
from instance_edit.tools.load_pack import ROOT

WORKFLOWS = ROOT / "workflows"
NAMES = sorted(path.stem for path in WORKFLOWS.glob("*.json"))
PACK = "instance-edit"

DROP = """async ([name, text]) => {
  const data = new DataTransfer()
  data.items.add(new File([text], name, { type: 'application/json' }))
  const where = { bubbles: true, cancelable: true, dataTransfer: data, clientX: 800, clientY: 500 }
  const canvas = document.querySelector('#graph-canvas')
  canvas.dispatchEvent(new DragEvent('dragover', where))
  canvas.dispatchEvent(new DragEvent('drop', where))
}"""

COVERED = """() => {
  const places = [...document.querySelectorAll('[data-node-id]')].map(one => {
    const { left, top, right, bottom } = one.getBoundingClientRect()
    return { left, top, right, bottom, id: one.dataset.nodeId }
  })
  return places.flatMap((a, n) => places.slice(n + 1).filter(b =>
    a.left + 1 < b.right && b.left + 1 < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom
  ).map(b => [a.id, b.id]))
}"""
"""Nodes that lie on each other as Nodes 2.0 draws them."""


def drop_file(page: Page, path: Path) -> None:
    """Drop a file on the canvas, and wait until its nodes are there."""
    wanted = len(json.loads(path.read_text())["nodes"])
    page.evaluate(DROP, [path.name, path.read_text()])
    page.wait_for_function("n => window.app.graph.nodes.length === n", arg=wanted)
    page.wait_for_timeout(1500)


def pack_nodes(server: ComfyServer) -> dict[str, dict[str, Any]]:
    known = json.loads(server.client.get("/object_info"))
    return {name: node for name, node in known.items() if name.startswith("InstanceEdit")}


def add_node(page: Page, kind: str) -> None:
    page.evaluate(
        """kind => {
          const node = window.LiteGraph.createNode(kind)
          node.pos = [300, 200]
          window.app.graph.add(node)
          window.app.canvas.ds.scale = 1
          window.app.canvas.ds.offset = [100, 50]
          window.app.canvas.select(node)
          window.app.canvas.setDirty(true, true)
        }""",
        kind,
    )
    page.wait_for_timeout(800)


def test_the_packs_nodes_are_found_by_search(page: Page, server: ComfyServer) -> None:
    page.locator("#graph-canvas").press("n")
    search = page.get_by_placeholder("Search...").first
    for words, title in (
        ("regional prompt", "Instance Region"),
        ("MICE", "Build Disentangled Bias"),
        ("Preview Attention", "Preview Attention Bias"),
        ("paste back", "Composite Background"),
    ):
        search.fill(words)
        expect(page.get_by_text(title, exact=True).first).to_be_visible()
    titles = [node["display_name"] for node in pack_nodes(server).values()]
    for title in titles:
        search.fill(title)
        expect(page.get_by_text(title, exact=True).first).to_be_visible()
    search.fill("instance")


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_dropped_on_the_canvas_opens_whole(page: Page, name: str) -> None:
    drop_file(page, WORKFLOWS / f"{name}.json")
    unknown = page.evaluate(
        "() => window.app.graph.nodes.filter(n => !window.LiteGraph.registered_node_types[n.type])"
        ".map(n => n.type)"
    )
    assert unknown == []
    expect(page.get_by_text("errors found")).to_have_count(0)
    expect(page.get_by_text("is missing")).to_have_count(0)
    assert page.evaluate("() => window.app.graph.groups?.length ?? window.app.graph._groups.length")
    shipped = json.loads((WORKFLOWS / "api" / f"{name}.json").read_text())
    assert prompt_of(page) == shipped
    assert page.evaluate(COVERED) == []


def test_run_produces_the_edit_in_the_page(page: Page, server: ComfyServer) -> None:
    drop_file(page, WORKFLOWS / "first_edit.json")
    press_run(page)
    page.wait_for_function(
        "() => Object.values(window.app.nodeOutputs ?? {}).filter(o => o.images).length === 3",
        timeout=240_000,
    )
    page.wait_for_timeout(2500)
    shown = page.evaluate(
        "() => [...document.querySelectorAll('[data-node-id] img')].filter(i => i.naturalWidth)"
        ".map(i => i.naturalWidth)"
    )
    assert sorted(shown) == [144, 1024, 1024]
    page.evaluate("() => window.app.canvas.fitViewToSelectionAnimated?.()")


def test_boxes_drawn_with_the_mouse_become_regions(page: Page, server: ComfyServer) -> None:
    drop_file(page, WORKFLOWS / "mice_kontext_boxes.json")
    page.evaluate(
        """() => {
          const node = window.app.graph.nodes.find(n => n.type === 'CreateBoundingBoxes')
          window.app.canvas.ds.scale = 1
          window.app.canvas.ds.offset = [300 - node.pos[0], 120 - node.pos[1]]
          window.app.canvas.setDirty(true, true)
        }"""
    )
    page.wait_for_timeout(800)
    page.get_by_text("Clear all").click()
    editor = page.get_by_test_id("bounding-boxes")
    area = editor.locator("canvas").bounding_box()
    assert area is not None
    instructions = ("make it a red kimono", "replace it with a balloon")
    for place, text in zip(
        ((0.1, 0.1, 0.4, 0.5), (0.55, 0.5, 0.9, 0.8)), instructions, strict=True
    ):
        page.mouse.move(area["x"] + place[0] * area["width"], area["y"] + place[1] * area["height"])
        page.mouse.down()
        for share in (0.5, 1.0):
            x = place[0] + share * (place[2] - place[0])
            y = place[1] + share * (place[3] - place[1])
            page.mouse.move(area["x"] + x * area["width"], area["y"] + y * area["height"])
        page.mouse.up()
        editor.get_by_placeholder("description of this region").fill(text)
    page.wait_for_timeout(500)
    keep_picture(page, "boxes_drawn")
    prompt = prompt_of(page)
    (boxes,) = (node for node in prompt.values() if node["class_type"] == "CreateBoundingBoxes")
    drawn = boxes["inputs"]["editor_state"]["__value__"]
    assert [box["metadata"]["desc"] for box in drawn] == list(instructions)
    report = preview_report(server, prompt)
    assert report.startswith("2 instance(s)")
    assert all(text in report for text in instructions)


def test_the_packs_wires_have_colours_of_their_own(page: Page) -> None:
    drop_file(page, WORKFLOWS / "turns_three.json")
    sockets = page.evaluate(
        """() => [...document.querySelectorAll('[style*="datatype-INSTANCE_EDIT"]')].map(dot =>
          [/INSTANCE_EDIT_[A-Z]+/.exec(dot.getAttribute('style'))[0],
           getComputedStyle(dot).backgroundColor])"""
    )
    wires = page.evaluate("() => window.app.canvas.constructor.link_type_colors")
    drawn = dict(sockets)
    assert len(drawn) == len(set(drawn.values())) == 3
    assert len({wires[kind] for kind in drawn} - {""}) == 3


def preview_report(server: ComfyServer, prompt: dict[str, Any]) -> str:
    """What Preview Instance Regions says of these boxes, run on the server without a model."""
    kinds = ("LoadImage", "CreateBoundingBoxes")
    wanted = (*kinds, "InstanceEditRegionsFromBoxes", "InstanceEditPreviewRegions")
    part = {key: node for key, node in prompt.items() if node["class_type"] in wanted}
    (preview,) = (k for k, node in part.items() if node["class_type"] == wanted[-1])
    with ThreadPoolExecutor(1) as elsewhere:  # Playwright's own loop runs in this thread
        outputs = elsewhere.submit(server.run, part, show_progress=False).result()
    return outputs[preview]["text"][0]


def test_a_workflow_with_boxes_opens_as_an_app(page: Page) -> None:
    drop_file(page, WORKFLOWS / "mice_kontext_boxes.json")
    page.evaluate("() => window.app.extensionManager.command.execute('Comfy.ToggleLinear')")
    shown = page.get_by_test_id("linear-widgets")
    for name in ("image", "editor_state", "seed"):
        expect(shown.get_by_text(name, exact=True).first).to_be_visible()
    expect(shown.get_by_test_id("bounding-boxes")).to_be_visible()
    expect(page.get_by_test_id("linear-run-button")).to_contain_text("Run")
    page.evaluate("() => window.app.extensionManager.command.execute('Comfy.ToggleLinear')")


def test_a_number_that_is_nearly_0_does_not_cover_its_name(open_page: Callable[..., Page]) -> None:
    page = open_page({"Comfy.VueNodes.Enabled": False})
    add_node(page, "InstanceEditBuildBias")
    widgets = "() => window.app.graph.nodes[0].widgets.map(w => [w.name, w._displayValue])"
    assert dict(page.evaluate(widgets))["method.epsilon"] == "1e-30"


def test_help_opens_for_every_node_with_its_picture(page: Page, server: ComfyServer) -> None:
    for kind, node in pack_nodes(server).items():
        text = server.client.get(f"/extensions/{PACK}/docs/{kind}.md").decode()
        assert text.startswith(f"# {node['display_name']}"), kind
        assert f"(pictures/{kind}.jpg)" in text, kind
        assert server.client.get(f"/extensions/{PACK}/docs/pictures/{kind}.jpg")[:2] == b"\xff\xd8"
    add_node(page, "InstanceEditBuildBias")
    page.get_by_test_id("node-title").click()
    page.get_by_test_id("info-button").click()
    expect(page.get_by_text("damps smoothly around each mask").first).to_be_visible()
    page.wait_for_function(
        f"() => [...document.images].some(i => i.src.includes('/{PACK}/docs/pictures/')"
        " && i.naturalWidth > 0)"
    )


@pytest.mark.parametrize("language", ["en", "zh", "fr"])
def test_each_language_shows(open_page: Callable[..., Page], language: str) -> None:
    texts = json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text())
    page = open_page({"Comfy.Locale": language})
    add_node(page, "InstanceEditBuildBias")
    title = texts["InstanceEditBuildBias"]["display_name"]
    expect(page.get_by_test_id("node-title").filter(has_text=title)).to_be_visible()


def test_the_template_browser_lists_the_workflows_with_thumbnails(page: Page) -> None:
    page.evaluate("() => window.app.extensionManager.command.execute('Comfy.BrowseTemplates')")
    page.get_by_text(PACK, exact=True).last.click()
    for name in NAMES:
        title = page.get_by_text(name, exact=True)
        for _ in range(20):  # further ones are made as the list is scrolled down
            if title.count():
                break
            page.get_by_role("dialog").locator("img").last.hover()
            page.mouse.wheel(0, 3000)
            page.wait_for_timeout(300)
        title.scroll_into_view_if_needed()
        expect(title).to_be_visible()
        card = title.locator("xpath=ancestor::*[.//img][1]")
        expect(card.locator("img").first).to_have_js_property("naturalWidth", 512)
