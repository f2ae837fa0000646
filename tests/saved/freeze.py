"""Save today's workflows, nodes, prompts and pictures under the version that is about to go out.

`python -m tools.run tests.saved.freeze 0.2.0` writes `tests/saved/0.2.0`, and changes nothing that
an earlier version saved.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from instance_edit.tests.browser.front_end import (
    FRONT_ENDS,
    RENDERERS,
    FrontEnd,
    load_graph,
    open_renderer,
    prompt_of,
)
from instance_edit.tests.saved.files import FOLDER, read
from instance_edit.tests.saved.interface import interface
from instance_edit.tests.saved.meaning import Prompt
from instance_edit.tests.saved.results import edited_pictures, runs_anywhere
from instance_edit.tools.browser import chromium
from instance_edit.tools.comfy_server import ComfyServer
from instance_edit.tools.load_pack import ROOT, add_comfyui_to_path

log = logging.getLogger("freeze")


def freeze(release: Path) -> None:
    """Write a release's folder; a version that is saved already is refused."""
    if release.exists():
        raise SystemExit(f"{release.name} is saved already, and never changes again")
    from instance_edit.tests.with_comfyui.stand_in_files import make_workflow_server

    _copy_workflows(release)
    os.environ["OMP_NUM_THREADS"] = "1"
    recorded: list[dict[str, Prompt]] = []
    for front_end in FRONT_ENDS:
        with (
            tempfile.TemporaryDirectory(prefix="instance-edit-freeze-") as base,
            ComfyServer(make_workflow_server(Path(base)), front_end.arguments) as server,
        ):
            if not recorded:
                _write_nodes(server, release)
                _write_pictures(server, release)
            recorded += _record_prompts(server, front_end, release)
    _write_prompts(recorded, release)


def _copy_workflows(release: Path) -> None:
    for source, name in (("workflows", "ui"), ("workflows/api", "api"), ("subgraphs", "subgraphs")):
        (release / name).mkdir(parents=True)
        for path in sorted((ROOT / source).glob("*.json")):
            shutil.copyfile(path, release / name / path.name)


def _write_nodes(server: ComfyServer, release: Path) -> None:
    known = json.loads(server.client.get("/object_info"))
    ours = {name: interface(known[name]) for name in known if name.startswith("InstanceEdit")}
    _write_json(ours, release / "object_info.json")


def _write_pictures(server: ComfyServer, release: Path) -> None:
    (release / "results").mkdir()
    for path in sorted((release / "api").glob("*.json")):
        prompt = read(path)
        if runs_anywhere(prompt):
            for node, picture in edited_pictures(server, prompt).items():
                picture.save(release / "results" / f"{path.stem}.{node}.png", optimize=True)


def _record_prompts(
    server: ComfyServer, front_end: FrontEnd, release: Path
) -> list[dict[str, Prompt]]:
    """The prompts of every graph, by file name, once for each renderer."""
    with chromium() as browser:
        return [
            dict(_prompts(browser, server, front_end, renderer, release)) for renderer in RENDERERS
        ]


def _prompts(
    browser: Browser, server: ComfyServer, front_end: FrontEnd, renderer: str, release: Path
) -> Iterator[tuple[str, Prompt]]:
    page = open_renderer(browser, server, front_end, renderer)
    for path in sorted([*release.glob("ui/*.json"), *release.glob("subgraphs/*.json")]):
        load_graph(page, read(path))
        yield path.name, _without_labels(prompt_of(page))
    page.close()


def _without_labels(prompt: Prompt) -> Prompt:
    """Without titles and package names, which a newer front end writes otherwise."""
    return {
        key: {part: node[part] for part in ("class_type", "inputs")} for key, node in prompt.items()
    }


def _write_prompts(recorded: list[dict[str, Prompt]], release: Path) -> None:
    first, *others = recorded
    (release / "prompts").mkdir()
    for name, prompt in first.items():
        if any(other[name] != prompt for other in others):
            raise SystemExit(f"the front ends disagree about {name}: find out why, then save both")
        _write_json(prompt, release / "prompts" / name)
    log.info("saved %s", release.relative_to(ROOT))


def _write_json(value: Any, path: Path) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    (version,) = sys.argv[1:]
    add_comfyui_to_path(("--cpu",))
    freeze(FOLDER / version)
