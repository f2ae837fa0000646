"""A real server, its real front end, and Debian's Chromium driven by Playwright.

`CHROME=/path/to/chromium` chooses a browser. Pictures of every test are kept in
`build/screenshots`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from instance_edit.tools.comfy_server import ComfyServer
from instance_edit.tools.load_pack import ROOT, add_comfyui_to_path

add_comfyui_to_path(("--cpu",))

from instance_edit.tests.with_comfyui.stand_in_files import make_workflow_server  # noqa: E402

SCREENSHOTS = ROOT / "build" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.VueNodes.Enabled": True,
    "Comfy.VueNodes.AutoScaleLayout": False,
    "Comfy.Minimap.Visible": False,
    "Comfy.Workflow.Persist": False,
}
Settings = dict[str, Any]


def find_chromium() -> str:
    """A Chromium: `CHROME`, else one on the path, else Debian's, installed by apt as root."""
    chosen = os.environ.get("CHROME")
    if chosen:
        if not Path(chosen).is_file():
            raise FileNotFoundError(f"CHROME={chosen} is no file: correct or unset it.")
        return chosen
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "check": True}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        subprocess.run(command, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, **quiet)
        found = shutil.which("chromium")
    if found is None:
        raise FileNotFoundError(
            "no Chromium on this machine: install it (Debian: `apt-get install chromium`), or set "
            "CHROME to its path."
        )
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """A server on which nothing is missing that a shipped workflow names."""
    base = make_workflow_server(tmp_path_factory.mktemp("browser"))
    with ComfyServer(base) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Closed with its module: Playwright's event loop must not run on under other tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(
    chromium: Browser, server: ComfyServer, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Opens the front end with given settings; a picture of it is kept when the test ends."""
    pages: list[Page] = []

    def open_with(settings: Settings | None = None) -> Page:
        user = server.base_directory / "user" / "default"
        user.mkdir(parents=True, exist_ok=True)
        (user / "comfy.settings.json").write_text(json.dumps(SETTINGS | (settings or {})))
        page = chromium.new_page(viewport={"width": 1600, "height": 1000})
        pages.append(page)
        page.route(lambda address: not is_local(address), _refuse)
        page.goto(server.client.url)
        page.wait_for_function(
            "() => window.app?.extensionManager?.setting && window.app.canvas?.graph"
            " && window.LiteGraph?.registered_node_types?.KSampler",
            timeout=120_000,
        )
        page.wait_for_timeout(1500)
        page.evaluate("() => window.app.graph.clear()")
        return page

    yield open_with
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for page in pages:
        keep_picture(page, request.node.name)
        page.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()


def keep_picture(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name.replace('/', '_')}.png")


def is_local(address: str) -> bool:
    return address.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))


def _refuse(route: Route) -> None:
    route.abort()
