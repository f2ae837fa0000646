"""Workflows saved with earlier releases open with their meaning unchanged, in every front end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from instance_edit.tests.browser.front_end import (
    FRONT_ENDS,
    RENDERERS,
    FrontEnd,
    keep_picture,
    load_graph,
    open_renderer,
    prompt_of,
)
from instance_edit.tests.saved.files import GRAPHS, label, read, recorded_prompt
from instance_edit.tests.saved.meaning import Definition, means_the_same
from instance_edit.tests.with_comfyui.stand_in_files import make_workflow_server
from instance_edit.tools.comfy_server import ComfyServer


@pytest.fixture(scope="module", params=FRONT_ENDS, ids=lambda front_end: front_end.name)
def front_end(request: pytest.FixtureRequest) -> FrontEnd:
    return request.param


@pytest.fixture(scope="module")
def serving(front_end: FrontEnd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    base = make_workflow_server(tmp_path_factory.mktemp(front_end.name))
    with ComfyServer(base, front_end.arguments) as running:
        yield running


@pytest.fixture(scope="module")
def object_info(serving: ComfyServer) -> dict[str, Definition]:
    return json.loads(serving.client.get("/object_info"))


@pytest.fixture(scope="module", params=RENDERERS)
def opened(
    request: pytest.FixtureRequest, chromium: Browser, serving: ComfyServer, front_end: FrontEnd
) -> Iterator[Page]:
    """One page for all workflows of a front end and a renderer."""
    page = open_renderer(chromium, serving, front_end, request.param)
    yield page
    keep_picture(page, f"saved_{front_end.name}_{request.param}")
    page.close()


@pytest.mark.parametrize("graph", GRAPHS, ids=label)
def test_a_saved_workflow_gives_the_prompt_it_gave(
    opened: Page, object_info: dict[str, Definition], graph: Path
) -> None:
    load_graph(opened, read(graph))
    assert means_the_same(read(recorded_prompt(graph)), prompt_of(opened), object_info)
