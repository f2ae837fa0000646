"""ComfyUI's front ends in Chromium: the one ComfyUI pins, and a newer one, in both renderers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser, Page, Route

from instance_edit.tools.browser import SETTINGS, Settings
from instance_edit.tools.comfy_server import ComfyServer
from instance_edit.tools.load_pack import ROOT
from instance_edit.tools.setup_comfyui import NEWER_FRONT_END, NEWER_FRONT_END_VERSION

SCREENSHOTS = ROOT / "build" / "screenshots"


@dataclass(frozen=True)
class FrontEnd:
    """What a server is started with to serve it; `version` is None for ComfyUI's own."""

    name: str
    arguments: tuple[str, ...]
    version: str | None


PINNED = FrontEnd("pinned", ("--cpu",), None)
_PAGES = NEWER_FRONT_END / "comfyui_frontend_package" / "static"
NEWER = FrontEnd("newer", ("--cpu", "--front-end-root", str(_PAGES)), NEWER_FRONT_END_VERSION)
FRONT_ENDS = (PINNED, NEWER)
RENDERERS = {"classic": False, "Nodes 2.0": True}
READY = """() => window.app?.extensionManager?.setting && window.app.canvas?.graph
  && window.LiteGraph?.registered_node_types?.KSampler && !window.app.extensionManager.spinner
  && !document.querySelector('.p-blockui-mask')"""
"""True once the front end has opened its first workflow and lifted the mask it lays over the page.

What is dropped while the mask goes away blocks the page for good: PrimeVue lays a second mask,
and takes that one away in place of the first.
"""


def new_page(browser: Browser) -> Page:
    """A blank page of the size that the tests' pictures have."""
    return browser.new_page(viewport={"width": 1600, "height": 1000})


def open_front_end(page: Page, server: ComfyServer, settings: Settings | None = None) -> None:
    """Open the server's front end, until it is ready; nothing comes from other machines."""
    user = server.base_directory / "user" / "default"
    user.mkdir(parents=True, exist_ok=True)
    (user / "comfy.settings.json").write_text(json.dumps(SETTINGS | (settings or {})))
    page.route(lambda address: not is_local(address), _refuse)
    page.goto(server.client.url)
    page.wait_for_function(READY, timeout=120_000)
    page.wait_for_timeout(500)  # the front end sets its selection's handlers last
    page.evaluate("() => window.app.graph.clear()")


def open_renderer(browser: Browser, server: ComfyServer, front_end: FrontEnd, name: str) -> Page:
    """A page of the front end that draws nodes with the renderer of that name."""
    page = new_page(browser)
    open_front_end(page, server, {"Comfy.VueNodes.Enabled": RENDERERS[name]})
    version, is_vue = page.evaluate(
        "() => [window.__COMFYUI_FRONTEND_VERSION__, window.LiteGraph.vueNodesMode]"
    )
    assert is_vue == RENDERERS[name]
    assert version == front_end.version or (front_end is PINNED and version != NEWER.version)
    return page


def prompt_of(page: Page) -> dict[str, Any]:
    """The prompt that the front end makes of its graph."""
    return page.evaluate("async () => (await window.app.graphToPrompt()).output")


def load_graph(page: Page, graph: dict[str, Any]) -> None:
    """Open a workflow in the page, and wait until its nodes are drawn and have settled."""
    page.evaluate("graph => window.app.loadGraphData(graph)", graph)
    page.wait_for_function(
        "n => window.app.graph.nodes.length === n && (!window.LiteGraph.vueNodesMode"
        " || document.querySelectorAll('[data-node-id]').length === n)",
        arg=len(graph["nodes"]),
        timeout=120_000,
    )
    page.wait_for_timeout(250)


def keep_picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name.replace('/', '_')}.png")


def is_local(address: str) -> bool:
    return address.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))


def _refuse(route: Route) -> None:
    route.abort()
