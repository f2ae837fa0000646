"""The blueprint: one node for the whole edit, on both front ends and in both renderers."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import Page

from instance_edit.tools.comfy_server import ComfyServer
from instance_edit.tools.load_pack import ROOT

BUILD_AROUND = """async ([blueprint, instructions]) => {
  await window.app.loadGraphData(blueprint)
  const { graph } = window.app
  const edit = graph.nodes[0]
  const add = kind => graph.add(window.LiteGraph.createNode(kind)) ?? graph.nodes.at(-1)
  const model = add('InstanceEditDemoModelLoader')
  const scene = add('InstanceEditDemoScene')
  const regions = add('InstanceEditRegionsFromMasks')
  const save = add('SaveImage')
  regions.widgets.find(w => w.name === 'instructions').value = instructions
  scene.connect(1, regions, 'masks')
  model.connect(0, edit, 'model')
  model.connect(1, edit, 'clip')
  model.connect(2, edit, 'vae')
  scene.connect(0, edit, 'image')
  regions.connect(0, edit, 'regions')
  edit.connect(0, save, 'images')
  return (await window.app.graphToPrompt()).output
}"""


def test_the_blueprint_is_offered_and_edits(canvases: Page, canvas_server: ComfyServer) -> None:
    (path,) = (ROOT / "subgraphs").glob("*.json")
    offered = json.loads(canvas_server.client.get("/global_subgraphs")).values()
    assert path.stem in [entry["name"] for entry in offered]
    instructions = "\n".join(
        f"replace the {old} with a {new}"
        for old, new in (
            ("red circle", "green star"),
            ("blue square", "white ring"),
            ("yellow triangle", "purple cross"),
        )
    )
    prompt = canvases.evaluate(BUILD_AROUND, [json.loads(path.read_text()), instructions])
    (save,) = (key for key, node in prompt.items() if node["class_type"] == "SaveImage")
    (sampler,) = (node for node in prompt.values() if node["class_type"] == "KSampler")
    sampler["inputs"]["steps"] = 2
    with ThreadPoolExecutor(1) as elsewhere:
        outputs = elsewhere.submit(canvas_server.run, prompt, show_progress=False).result()
    assert canvas_server.client.pictures(outputs, save)
