"""A workflow that names a photograph of the pack opens with it, on a server that has none."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from instance_edit.tests.browser.front_end import RENDERERS, FrontEnd, load_graph, open_renderer
from instance_edit.tools.comfy_server import ComfyServer
from instance_edit.tools.load_pack import ROOT
from instance_edit.tools.workflow_sheets.instructions import COFFEE, SIZE

GRAPH = {
    "nodes": [
        {
            "id": 1,
            "type": "LoadImage",
            "pos": [200, 100],
            "size": [300, 380],
            "flags": {},
            "order": 0,
            "mode": 0,
            "inputs": [],
            "outputs": [],
            "properties": {},
            "widgets_values": [COFFEE, "image"],
        }
    ],
    "links": [],
    "groups": [],
    "config": {},
    "extra": {},
    "version": 0.4,
}

PICTURE = "(window.app.graph.nodes[0].imgs?.[0] ?? document.querySelector('[data-node-id] img'))"
"""What the node shows, in the classic renderer and with Nodes 2.0."""


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_photograph_comes_with_the_workflow_that_names_it(
    chromium: Browser, canvas_server: ComfyServer, canvas_front_end: FrontEnd, renderer: str
) -> None:
    brought = canvas_server.base_directory / "input" / COFFEE
    brought.unlink(missing_ok=True)
    page = open_renderer(chromium, canvas_server, canvas_front_end, renderer)
    load_graph(page, GRAPH)
    page.wait_for_function(f"() => ({PICTURE})?.naturalWidth")
    shown = page.evaluate(f"() => [{PICTURE}.naturalWidth, {PICTURE}.naturalHeight]")
    offered = page.evaluate("() => window.app.graph.nodes[0].widgets[0].options.values")
    assert shown == list(SIZE)
    assert COFFEE in offered
    assert brought.read_bytes() == (ROOT / "web" / "photographs" / COFFEE).read_bytes()
    brought.write_bytes(b"a picture of the user's own")
    load_graph(page, GRAPH)
    assert brought.read_bytes() == b"a picture of the user's own"
    page.close()
