"""Every shipped workflow runs on a real server.

What differs from what a user runs, and why:
- the demo's workflows run as they are shipped; the others' weights are random and tiny, under the
  workflows' names, for no test machine has the real ones;
- text encoders come from a stand-in node, for no stock loader takes a miniature one;
- Qwen3-VL's weights neither: a miniature of it says a recorded answer;
- models of other families than FLUX are miniatures of the real classes, from a stand-in node;
- SAM 3's weights cannot be had: its node's masks are fed from a file;
- FLUX.2's VAE is a narrow one with random weights;
- pictures are 128 pixels wide and sampling takes two steps, for a CPU.

That the graph files are the same workflows is shown in the browser: `tests/browser`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from instance_edit.tests.with_comfyui.comfyui import comfyui_version
from instance_edit.tests.with_comfyui.stand_in_files import SIDE, make_workflow_server
from instance_edit.tools.comfy_client import WorkflowError
from instance_edit.tools.comfy_server import ComfyServer
from instance_edit.tools.comfyui_sources import OLDEST
from instance_edit.tools.load_pack import ROOT
from instance_edit.tools.make_workflows import BLUEPRINT, blueprint_text, written
from instance_edit.tools.workflow_sheets.since import GROWN, SINCE, version_numbers

FOLDER = ROOT / "workflows"
ANSWER = ROOT / "tests" / "answers" / "qwen3_vl_chatter.txt"
NAMES = sorted(path.stem for path in (FOLDER / "api").glob("*.json"))
Workflow = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    with ComfyServer(make_workflow_server(tmp_path_factory.mktemp("workflows"))) as running:
        yield running


def of_kind(workflow: Workflow, kind: str) -> list[str]:
    return [key for key, node in workflow.items() if node["class_type"] == kind]


def suit(workflow: Workflow, base: Path, name: str = "") -> Workflow:
    """The workflow with stand-ins where weights cannot be had, small and with few steps."""
    if of_kind(workflow, "InstanceEditDemoModelLoader"):
        return workflow
    if name in MINIATURES:
        stand_in(workflow, *MINIATURES[name])
    for node in workflow.values():
        inputs = node["inputs"]
        if node["class_type"] == "KSampler":
            inputs["steps"] = 2
        elif node["class_type"] == "BasicScheduler":
            inputs["steps"] = 6
        elif node["class_type"] == "TrainLoraNode":
            inputs |= {"steps": 2, "rank": 2}
        elif node["class_type"] == "ImageScaleToTotalPixels":
            inputs["megapixels"] = SIDE**2 / 1024**2
        elif inputs.get("fit") == "Kontext's sizes":
            inputs["fit"] = "multiple of 16"
        elif node["class_type"] == "FluxKontextImageScale":
            node["class_type"] = "ImageScale"
            inputs |= {"upscale_method": "area", "width": SIDE, "height": SIDE, "crop": "disabled"}
        elif inputs.get("vae_name") in ("flux2-vae.safetensors", "mage_flow_vae_bf16.safetensors"):
            node |= {"class_type": "StandInCodec", "inputs": {}}
        elif node["class_type"] == "BasicScheduler":
            inputs["steps"] = 2
        elif node["class_type"] == "DualCLIPLoader":
            node |= {"class_type": "StandInClip", "inputs": {"kind": "flux1"}}
        elif inputs.get("clip_name") == "qwen_3_4b.safetensors":
            node |= {"class_type": "StandInClip", "inputs": {"kind": "klein"}}
        elif inputs.get("clip_name") == "qwen3vl_4b_fp8_scaled.safetensors":
            node |= {"class_type": "StandInPlanner", "inputs": {"path": str(ANSWER)}}
    return without_sam3(workflow, base / "input" / "masks.pt")


MINIATURES = {
    "mice_qwen_edit": ("qwen2511", "qwen"),
    "mice_krea2_edit": ("krea2", "krea2"),
    "mice_omnigen2_edit": ("omnigen2", "omnigen2"),
    "mice_boogu_edit": ("boogu", "boogu"),
    "mice_mage_flow_edit": ("mageflow", "mageflow"),
    "mice_longcat_edit": ("longcat", "longcat"),
    "mice_joyimage_edit": ("joyimage", "joyimage"),
    "mice_bernini_edit": ("wan", "chroma"),
}
"""The model and the text encoder that stand in for a workflow's; umT5's tokenizer comes with its
weights, so that Chroma's T5 stands in."""


def stand_in(workflow: Workflow, model: str, clip: str) -> None:
    """Miniatures of the real classes for the model and the text encoder."""
    for node in workflow.values():
        if node["class_type"] == "UNETLoader":
            node |= {"class_type": "StandInModel", "inputs": {"name": model}}
        elif node["class_type"] == "CLIPLoader":
            node |= {"class_type": "StandInClip", "inputs": {"kind": clip}}


def without_sam3(workflow: Workflow, masks: Path) -> Workflow:
    for key in of_kind(workflow, "SAM3_Detect"):
        sam, words = (workflow[key]["inputs"][name][0] for name in ("model", "conditioning"))
        del workflow[sam], workflow[words]
        workflow[key] = {"class_type": "StandInMasks", "inputs": {"path": str(masks)}}
    return workflow


def picture(server: ComfyServer, outputs: dict[str, Any], node: str) -> np.ndarray:
    (saved,) = server.client.pictures(outputs, node)
    return np.asarray(Image.open(BytesIO(saved)).convert("RGB"), dtype=np.float32)


def core_nodes_of(name: str) -> dict[str, str]:
    """The version that the graph file gives with each node of core, by its kind."""
    graph = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    parts = [graph, *graph.get("definitions", {}).get("subgraphs", [])]
    told = [(node["type"], node["properties"]) for part in parts for node in part["nodes"]]
    return {kind: said["ver"] for kind, said in told if said.get("cnr_id") == "comfy-core"}


def needed_by(name: str) -> str:
    return max(core_nodes_of(name).values(), key=version_numbers)


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_says_which_comfyui_it_needs(name: str) -> None:
    versions = core_nodes_of(name)
    assert set(versions.values()) <= {
        OLDEST.version,
        *SINCE.values(),
        *(version for version, _ in GROWN.values()),
    }
    expected = SINCE | {kind: version for kind, (version, _) in GROWN.items()}
    assert all(versions.get(kind, told) == told for kind, told in expected.items())
    graph = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    notes = " ".join(node["widgets_values"][0] for node in graph["nodes"] if "Note" in node["type"])
    newest = needed_by(name)
    assert (f"Needs ComfyUI {newest}" in notes) == (newest != OLDEST.version)


@pytest.mark.parametrize("name", NAMES)
def test_the_workflow_runs_and_edits_its_picture(server: ComfyServer, name: str) -> None:
    shipped: Workflow = json.loads((FOLDER / "api" / f"{name}.json").read_text())
    workflow = suit(copy.deepcopy(shipped), server.base_directory, name)
    too_old = version_numbers(needed_by(name)) > version_numbers(comfyui_version)
    if too_old and not GROWN.keys() & core_nodes_of(name).keys():
        tried = workflow if name in MINIATURES else shipped  # a model may be what is too old
        with pytest.raises(WorkflowError, match="not found|does not look at reference images"):
            server.client.run(tried, show_progress=False)
        return
    outputs = server.run(workflow, show_progress=False)
    saves, trained = of_kind(workflow, "SaveImage"), of_kind(workflow, "SaveLoRA")
    assert saves or trained
    assert all(picture(server, outputs, save).std() > 1 for save in saves)
    if trained:
        [file] = (server.base_directory / "output" / "loras").glob("*_2_steps_*.safetensors")
        changed = [value.any() for key, value in load_file(file).items() if "lora_up" in key]
        assert changed and any(changed)
    methods = [
        workflow[key]["inputs"]["method"] for key in of_kind(workflow, "InstanceEditBuildBias")
    ]
    for kind in ("InstanceEditPreviewRegions", "InstanceEditPreviewBias"):
        for key in of_kind(workflow, kind):
            pages = server.client.pictures(outputs, key)
            assert all(Image.open(BytesIO(page)).width == 1024 for page in pages)
            assert len(pages) == (2 if "IDAttn" in methods and "Bias" in kind else 1)
    for paste in of_kind(workflow, "InstanceEditCompositeBackground"):
        (report,) = outputs[paste]["text"]
        assert "lies outside the regions" in report or "cover the whole picture" in report


def muted(workflow: Workflow, kind: str) -> Workflow:
    """What the front end sends while nodes of a kind are muted: all but them and their links."""
    gone = of_kind(workflow, kind)
    kept = {key: node for key, node in workflow.items() if key not in gone}
    for node in kept.values():
        links = {name: value for name, value in node["inputs"].items() if isinstance(value, list)}
        lost = [name for name, (source, _) in links.items() if source in gone]
        node["inputs"] = {k: value for k, value in node["inputs"].items() if k not in lost}
    return kept


def test_a_workflow_runs_as_mice_while_its_bias_is_muted(server: ComfyServer) -> None:
    shipped: Workflow = json.loads((FOLDER / "api" / "first_edit.json").read_text())
    without = muted(copy.deepcopy(shipped), "InstanceEditBuildBias")
    saves = of_kind(shipped, "SaveImage")
    whole, rest = (server.run(one, show_progress=False) for one in (shipped, without))
    assert saves and set(rest) == set(whole)
    for save in saves:
        assert np.array_equal(picture(server, whole, save), picture(server, rest, save))


def test_a_workflow_that_can_only_run_in_part_is_an_error_of_the_client(
    server: ComfyServer,
) -> None:
    whole: Workflow = json.loads((FOLDER / "api" / "first_edit.json").read_text())
    [sampler] = of_kind(whole, "KSampler")
    whole[sampler]["inputs"]["sampler_name"] = "no such sampler"
    with pytest.raises(WorkflowError, match="(?s)only the outputs without a fault.*no such sampl"):
        server.client.run(whole, show_progress=False)


def test_the_files_are_what_the_generator_writes(server: ComfyServer) -> None:
    definitions = json.loads(server.client.get("/object_info"))
    made = written(definitions)
    shipped = {
        str(path.relative_to(FOLDER)): path.read_text(encoding="utf-8")
        for path in FOLDER.rglob("*.json")
    }
    assert made == shipped, "run `python -m tools.run tools.make_workflows`"
    assert blueprint_text(definitions) == BLUEPRINT.read_text(encoding="utf-8")


def test_the_server_offers_every_workflow_as_a_template_with_a_thumbnail(
    server: ComfyServer,
) -> None:
    offered = json.loads(server.client.get("/workflow_templates"))["instance-edit"]
    assert sorted(offered) == NAMES
    for name in NAMES:
        thumbnail = server.client.get(f"/api/workflow_templates/instance-edit/{name}.jpg")
        assert Image.open(BytesIO(thumbnail)).format == "JPEG"


def test_the_workflows_cover_what_the_pack_promises() -> None:
    kinds = {
        name: {
            node["class_type"]
            for node in json.loads((FOLDER / "api" / f"{name}.json").read_text()).values()
        }
        for name in NAMES
    }
    used = set().union(*kinds.values())
    for kind in ("SAM3_Detect", "CreateBoundingBoxes", "LoraLoaderModelOnly", "ControlNetLoader"):
        assert kind in used
    for name, used_here in kinds.items():
        if name.startswith(("first", "mice", "idattn")):
            assert {"InstanceEditPreviewRegions", "InstanceEditPreviewBias"} <= used_here
            assert "InstanceEditCompositeBackground" in used_here
    assert "InstanceEditDemoModelLoader" in kinds["first_edit"]
    loaders = {"InstanceEditDemoModelLoader", "InstanceEditDemoScene"}
    ours = {kind for kind in kinds["canvas_first_edit"] if kind.startswith("InstanceEdit")}
    assert ours - loaders == {
        *("InstanceEditCanvas", "InstanceEditMultiPromptEncode", "InstanceEditApplyAttention"),
    }
