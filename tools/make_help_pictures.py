"""Photograph every node of the pack in the browser, for its help page in `web/docs/pictures`.

`python -m tools.run tools.make_help_pictures`; needs a Chromium, as the browser tests do.
"""

from __future__ import annotations

import json
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from .comfy_server import ComfyServer, make_base_directory
from .load_pack import ROOT, add_comfyui_to_path

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


def photograph(page: Page, kind: str) -> Image.Image:
    """One node alone on the canvas."""
    page.evaluate(SHOW, kind)
    page.wait_for_timeout(900)
    picture = page.locator("[data-node-id]").first.screenshot()
    return Image.open(BytesIO(picture)).convert("RGB")


def draw_pages() -> dict[str, Image.Image]:
    """The previews' own output for the demo's scene: regions, and MICE's bias."""
    from ..attention.mice import mice_bias
    from ..attention.recipe import BiasRecipe
    from ..attention.schedule import equal_stages
    from ..host.layout import expected_layout
    from ..mask_ops.validate import region_report
    from ..nodes.preview_attention_bias import bias_page
    from ..pictures.bias import draw_bias_page
    from ..pictures.marks import to_image
    from ..pictures.regions import draw_regions
    from .make_thumbnails import scene

    picture, regions = scene()
    recipe = BiasRecipe("MICE", tuple(regions), {"mice": mice_bias}, equal_stages(("mice",)))
    layout, extents = expected_layout(recipe.regions, to_image(picture), None)
    report = region_report(regions, layout.latent_grid, extents[0])
    page = bias_page(recipe, "mice", layout, extents)
    return {
        "regions": draw_regions(picture, regions, report),
        "bias": draw_bias_page(page, picture),
    }


def main() -> None:
    from ..tests.browser.conftest import FLAGS, SETTINGS, find_chromium

    PICTURES.mkdir(parents=True, exist_ok=True)
    add_comfyui_to_path()
    for name, picture in draw_pages().items():
        small = picture.resize((720, round(picture.height * 720 / picture.width)))
        small.save(PICTURES / f"{name}.jpg", quality=85)
    with tempfile.TemporaryDirectory(prefix="instance-edit-help-") as folder:
        base = make_base_directory(Path(folder))
        (base / "user" / "default").mkdir(parents=True)
        (base / "user" / "default" / "comfy.settings.json").write_text(json.dumps(SETTINGS))
        with ComfyServer(base) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1000, "height": 1100})
            page.goto(server.client.url)
            page.wait_for_function("() => window.LiteGraph?.registered_node_types?.KSampler")
            page.wait_for_timeout(3000)
            kinds = json.loads(server.client.get("/object_info"))
            for kind in sorted(kind for kind in kinds if kind.startswith("InstanceEdit")):
                photograph(page, kind).save(PICTURES / f"{kind}.jpg", quality=88)
            browser.close()


if __name__ == "__main__":
    main()
