"""The Instance Canvas as a person uses it: a pointer on the picture, keys, buttons."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, Page

NODE = "InstanceEditCanvas"
PICTURE = "canvas_picture.png"
LORA = "oil.safetensors"
EMPTY = '{"version": 1, "instances": []}'
Place = tuple[float, float]
CORNERS: tuple[Place, Place] = ((0.1, 0.1), (0.4, 0.5))
"""A box that most tests draw."""

ADD = """([picture, empty, count, scale]) => {
  const { app, LiteGraph } = window
  app.canvas.setGraph(app.rootGraph)
  app.rootGraph.subgraphs.forEach(subgraph => subgraph.clear()) // their nodes outlive the graph's
  app.rootGraph.clear()
  app.canvas.ds.scale = scale
  app.canvas.ds.offset = [0, 0]
  for (let n = 0; n < count; n += 1) {
    const node = LiteGraph.createNode('InstanceEditCanvas')
    node.pos = [260 + 520 * n, 100]
    app.graph.add(node)
    // A cleared graph numbers its nodes anew, and the front end gives them the old ones' values.
    for (const [name, value] of [['canvas', empty], ['picture', picture]]) {
      const widget = node.widgets.find(w => w.name === name)
      widget.value = value
      widget.callback(value)
    }
  }
  app.canvas.setDirty(true, true)
}"""
VALUE = "n => window.app.graph.nodes[n].widgets.find(w => w.name === 'canvas').value"
CAPTURED = """() => {
  const { changeTracker } = window.app.extensionManager.workflow.activeWorkflow
  return JSON.stringify(changeTracker.activeState.nodes)
}"""

DROP = """async ([name, text]) => {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0))
  const data = new DataTransfer()
  data.items.add(new File([bytes], name, { type: 'image/png' }))
  const stage = [...document.querySelectorAll('.ie-stage')].find(one => one.clientWidth)
  const where = { bubbles: true, cancelable: true, dataTransfer: data }
  stage.dispatchEvent(new DragEvent('dragover', where))
  stage.dispatchEvent(new DragEvent('drop', where))
}"""


def add_canvases(page: Page, count: int = 1, scale: float = 1.0) -> None:
    """Canvases side by side in an empty graph, with their picture on them."""
    page.evaluate(ADD, [PICTURE, EMPTY, count, scale])
    wait_for_canvases(page, count)


def wait_for_canvases(page: Page, count: int = 1) -> None:
    """Until so many canvases are drawn, with their picture."""
    page.wait_for_function(
        "n => [...document.querySelectorAll('.ie-canvas')].filter(c => c.clientWidth"
        " && c.querySelector('.ie-status').textContent.startsWith('48')).length === n",
        arg=count,
        timeout=120_000,
    )
    page.wait_for_timeout(200)


def board(page: Page, number: int = 0) -> Locator:
    """A canvas with its tools and its list; those of closed subgraphs stay on the page, unseen."""
    return page.locator(".ie-canvas:visible").nth(number)


def surface(page: Page, number: int = 0) -> Locator:
    return board(page, number).locator(".ie-stage > canvas")


def point(page: Page, place: Place, number: int = 0) -> Place:
    """Where a place of the picture, in fractions, is on the page."""
    box = surface(page, number).bounding_box()
    assert box is not None
    return box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]


def drag(page: Page, *places: Place, number: int = 0) -> None:
    page.mouse.move(*point(page, places[0], number))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*point(page, place, number), steps=3)
    page.mouse.up()


def click(page: Page, place: Place, number: int = 0) -> None:
    page.mouse.click(*point(page, place, number))


def type_wish(page: Page, words: str) -> None:
    """Into the field that opens in a shape that was just drawn."""
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def drawn(page: Page, number: int = 0) -> dict[str, Any]:
    """The canvas' text, as its widget has it."""
    return json.loads(page.evaluate(VALUE, number))


def instances(page: Page, number: int = 0) -> list[dict[str, Any]]:
    return drawn(page, number)["instances"]


def kinds(page: Page, number: int = 0) -> list[list[str]]:
    """Kinds of every instance's shapes; a "-" before those that take away."""
    return [
        [("-" if shape["op"] == "subtract" else "") + shape["kind"] for shape in one["shapes"]]
        for one in instances(page, number)
    ]


def captured(page: Page) -> str:
    """The nodes as the change tracker, and so a save or a tab switch, knows them."""
    return page.evaluate(CAPTURED)


def drop_picture(page: Page, name: str, text: str) -> None:
    """A PNG, in base64, on the canvas that is shown."""
    page.evaluate(DROP, [name, text])


def press(page: Page, act: str, number: int = 0) -> None:
    """A button of the toolbar or of the selected row."""
    board(page, number).locator(f"[data-act={act}]:visible").first.click()


def graph_scale(page: Page) -> float:
    return page.evaluate("() => window.app.canvas.ds.scale")
