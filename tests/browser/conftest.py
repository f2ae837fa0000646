"""A real server, its real front end, and Debian's Chromium driven by Playwright.

`CHROME=/path/to/chromium` chooses a browser. Pictures of every test are kept in
`build/screenshots`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from instance_edit.tools import browser
from instance_edit.tools.browser import Settings
from instance_edit.tools.comfy_server import ComfyServer
from instance_edit.tools.load_pack import add_comfyui_to_path

add_comfyui_to_path(("--cpu",))

from instance_edit.tests.browser.front_end import (  # noqa: E402
    keep_picture,
    new_page,
    open_front_end,
)
from instance_edit.tests.with_comfyui.stand_in_files import make_workflow_server  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """A server on which nothing is missing that a shipped workflow names."""
    base = make_workflow_server(tmp_path_factory.mktemp("browser"))
    with ComfyServer(base) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Closed with its module: Playwright's event loop must not run on under other tests."""
    with browser.chromium() as running:
        yield running


@pytest.fixture
def open_page(
    chromium: Browser, server: ComfyServer, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Page]]:
    """Opens the front end with given settings; a picture of it is kept when the test ends."""
    pages: list[Page] = []

    def open_with(settings: Settings | None = None) -> Page:
        page = new_page(chromium)
        pages.append(page)
        open_front_end(page, server, settings)
        return page

    yield open_with
    for page in pages:
        keep_picture(page, request.node.name)
        page.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    return open_page()
