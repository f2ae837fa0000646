"""A turn is added to turns_three as its note says: copy the group, connect two wires."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page

from instance_edit.tests.browser.front_end import load_graph, prompt_of
from instance_edit.tools.load_pack import ROOT

WORKFLOWS = ROOT / "workflows"

ADD_A_TURN = """() => {
  const { canvas, graph } = window.app
  const group = graph.groups.find(one => one.title === 'Turn 2')
  group.recomputeInsideNodes()
  canvas.selectItems([...group.children])
  canvas.copyToClipboard()
  canvas.pasteFromClipboard({ connectInputs: true, position: [0, 1500] })
  const [last] = graph.nodes.filter(node => node.title === 'Turn 3')
  const added = graph.nodes.filter(node => node.title === 'Turn 2').at(-1)
  last.connect(0, added, 'latent')
  last.connect(1, added, 'turn')
}"""


def of_kind(prompt: dict[str, Any], kind: str) -> dict[str, Any]:
    return {key: node["inputs"] for key, node in prompt.items() if node["class_type"] == kind}


def test_a_turn_is_added_by_copying_its_group(page: Page) -> None:
    load_graph(page, json.loads((WORKFLOWS / "turns_three.json").read_text(encoding="utf-8")))
    before = prompt_of(page)
    page.evaluate(ADD_A_TURN)
    after = prompt_of(page)
    assert {key: after[key] for key in before} == before
    new = {key: node for key, node in after.items() if key not in before}
    third = list(of_kind(before, "InstanceEditTurnMemory"))[-1]
    [memory] = of_kind(new, "InstanceEditTurnMemory").values()
    assert memory["turn"] == [third, 0]
    assert before[memory["latent"][0]]["_meta"]["title"] == "Edit"
    assert memory["latent"][0].partition(":")[0] == third.partition(":")[0]
    samplings = [n["_meta"]["title"] for n in new.values() if "Sampler" in n["class_type"]]
    assert sorted(samplings) == ["Dual-LQR Sampler", "Edit", "Invert"]
