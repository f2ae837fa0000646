"""Photograph in the browser every node of the pack, for its help page, and a first edit, for the
README: `web/docs/pictures`.

`python -m tools.run tools.make_help_pictures`; needs a Chromium, as the browser tests do.
"""

from __future__ import annotations

import json
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from ..demo.example import INSTANCES
from .browser import SETTINGS, chromium, press_run
from .comfy_client import Workflow
from .comfy_server import ComfyServer, make_base_directory
from .load_pack import ROOT

PICTURES = ROOT / "web" / "docs" / "pictures"
SHOW = """kind => {
  const graph = window.app.graph
  graph.clear()
  const node = window.LiteGraph.createNode(kind)
  node.pos = [300, 200]
  node.size = [360, node.computeSize()[1]]
  graph.add(node)
  window.app.canvas.ds.scale = 1
  window.app.canvas.ds.offset = [100, 50]
  window.app.canvas.setDirty(true, true)
}"""

OPEN = """graph => {
  const { app } = window
  app.loadGraphData(graph)
  app.canvas.ds.scale = 0.75
  app.canvas.ds.offset = [130, 300]
  app.canvas.setDirty(true, true)
}"""
CORNERS = """() => {
  const places = [...document.querySelectorAll('[data-node-id]')].map(one =>
    one.getBoundingClientRect())
  const edge = name => places.map(place => place[name])
  return [Math.min(...edge('left')), Math.min(...edge('top')),
    Math.max(...edge('right')), Math.max(...edge('bottom'))]
}"""
AROUND = 24
"""Pixels of the picture of a whole sheet that stand around its nodes."""

INSTRUCTIONS = "\n".join(instance.instruction for instance in INSTANCES)
WINDOW = {"strength": 1.0, "start": 0.0, "end": 1.0}
PREVIEWS: Workflow = {
    "scene": {"class_type": "InstanceEditDemoScene", "inputs": {"side": 144}},
    "instances": {
        "class_type": "InstanceEditRegionsFromMasks",
        "inputs": {"masks": ["scene", 1], "instructions": INSTRUCTIONS, **WINDOW},
    },
    "regions": {
        "class_type": "InstanceEditPreviewRegions",
        "inputs": {"image": ["scene", 0], "regions": ["instances", 0], "token_grid": False},
    },
    "mice": {
        "class_type": "InstanceEditBuildBias",
        "inputs": {
            "regions": ["instances", 0],
            "method": "MICE",
            "method.kernel_size": 3,
            "method.temperature": 1.0,
            "method.epsilon": 1e-30,
            "method.instances_see_global": False,
            "overlap": "shared",
            "start": 0.0,
            "end": 1.0,
            "blocks": "",
        },
    },
    "bias": {
        "class_type": "InstanceEditPreviewBias",
        "inputs": {"bias": ["mice", 0], "image": ["scene", 0], "first_instance": 1},
    },
}


def photograph(page: Page, kind: str) -> Image.Image:
    """One node alone on the canvas."""
    page.evaluate(SHOW, kind)
    page.wait_for_timeout(900)
    picture = page.locator("[data-node-id]").first.screenshot()
    return Image.open(BytesIO(picture)).convert("RGB")


def preview_pages(server: ComfyServer) -> dict[str, Image.Image]:
    """The previews' own pictures of the demo's scene: regions, and MICE's bias."""
    outputs = server.run(PREVIEWS, show_progress=False)
    pages = {name: server.client.pictures(outputs, name) for name in ("regions", "bias")}
    return {name: Image.open(BytesIO(page)).convert("RGB") for name, (page,) in pages.items()}


def photograph_first_edit(page: Page) -> Image.Image:
    """The sheet of the first edit on the canvas after a run, before and after side by side."""
    path = ROOT / "workflows" / "canvas_first_edit.json"
    page.set_viewport_size({"width": 1500, "height": 1150})
    page.evaluate(OPEN, json.loads(path.read_text(encoding="utf-8")))
    press_run(page)
    page.locator("[data-act=result]:enabled").click(timeout=240_000)
    page.wait_for_timeout(4000)  # what the run says goes away
    left, top, right, bottom = page.evaluate(CORNERS)
    clip = {"x": left - AROUND, "y": top - AROUND}
    clip |= {"width": right - left + 2 * AROUND, "height": bottom - top + 2 * AROUND}
    return Image.open(BytesIO(page.screenshot(clip=clip))).convert("RGB")


def photograph_nodes(server: ComfyServer) -> dict[str, Image.Image]:
    """Every node of the pack as the front end draws it, by its id, and the first edit."""
    user = server.base_directory / "user" / "default"
    user.mkdir(parents=True)
    (user / "comfy.settings.json").write_text(json.dumps(SETTINGS))
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 1100})
        page.goto(server.client.url)
        page.wait_for_function("() => window.LiteGraph?.registered_node_types?.KSampler")
        page.wait_for_timeout(3000)
        known = json.loads(server.client.get("/object_info"))
        ours = sorted(kind for kind in known if kind.startswith("InstanceEdit"))
        nodes = {kind: photograph(page, kind) for kind in ours}
        return nodes | {"canvas_first_edit": photograph_first_edit(page)}


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="instance-edit-help-") as folder,
        ComfyServer(make_base_directory(Path(folder))) as server,
    ):
        for name, picture in preview_pages(server).items():
            small = picture.resize((720, round(picture.height * 720 / picture.width)))
            small.save(PICTURES / f"{name}.jpg", quality=85)
        for kind, picture in photograph_nodes(server).items():
            picture.save(PICTURES / f"{kind}.jpg", quality=88)


if __name__ == "__main__":
    main()
