"""A real server, its real front end, and Debian's Chromium driven by Playwright.

`CHROME=/path/to/chromium` chooses a browser. Pictures of every test are kept in
`build/screenshots`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page

from instance_edit.tools import browser
from instance_edit.tools.browser import Settings
from instance_edit.tools.comfy_server import ComfyServer, make_base_directory
from instance_edit.tools.load_pack import add_comfyui_to_path

add_comfyui_to_path(("--cpu",))

from instance_edit.tests.browser import canvas  # noqa: E402
from instance_edit.tests.browser.front_end import (  # noqa: E402
    FRONT_ENDS,
    RENDERERS,
    FrontEnd,
    keep_picture,
    new_page,
    open_front_end,
    open_renderer,
)
from instance_edit.tests.with_comfyui.stand_in_files import make_workflow_server  # noqa: E402

EXAMPLE_SIDE = 768
"""Of ComfyUI's own picture, in pixels."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """A server on which nothing is missing that a shipped workflow names, but the photographs:
    those the front end brings.

    Its picture has the size of ComfyUI's own: boxes that lie on a picture follow its size.
    """
    base = make_workflow_server(tmp_path_factory.mktemp("browser"), EXAMPLE_SIDE, ())
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


@pytest.fixture(scope="session", params=FRONT_ENDS, ids=lambda front_end: front_end.name)
def canvas_front_end(request: pytest.FixtureRequest) -> FrontEnd:
    return request.param


@pytest.fixture(scope="session")
def canvas_server(
    canvas_front_end: FrontEnd, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ComfyServer]:
    """A server of a front end, with a picture to draw on, a LoRA to choose and no models."""
    base = make_base_directory(tmp_path_factory.mktemp(f"canvas_{canvas_front_end.name}"))
    picture = Image.new("RGB", (768, 512), (90, 120, 90))
    ImageDraw.Draw(picture).ellipse((60, 60, 260, 300), fill=(200, 60, 40))
    picture.save(base / "input" / canvas.PICTURE)
    (base / "models" / "loras").mkdir(parents=True)
    (base / "models" / "loras" / canvas.LORA).touch()
    with ComfyServer(base, canvas_front_end.arguments) as running:
        yield running


@pytest.fixture(scope="module", params=RENDERERS)
def canvases(
    request: pytest.FixtureRequest,
    chromium: Browser,
    canvas_server: ComfyServer,
    canvas_front_end: FrontEnd,
) -> Iterator[Page]:
    """One page for all tests of a module, in a front end and a renderer."""
    page = open_renderer(chromium, canvas_server, canvas_front_end, request.param)
    yield page
    keep_picture(page, f"{request.module.__name__}_{canvas_front_end.name}_{request.param}")
    page.close()


@pytest.fixture
def canvas_page(canvases: Page) -> Page:
    """One canvas, at a zoom of the graph that is not one."""
    canvas.add_canvases(canvases, scale=0.9)
    return canvases
