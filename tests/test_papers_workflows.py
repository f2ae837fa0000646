"""Workflows that a paper's own settings are shipped as: what they set, as the paper does."""

from __future__ import annotations

import json
from typing import Any

from instance_edit.mask_ops.read_boxes import parse_boxes
from instance_edit.tools.load_pack import ROOT

Workflow = dict[str, dict[str, Any]]


def shipped(name: str) -> Workflow:
    path = ROOT / "workflows" / "api" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))


def inputs(workflow: Workflow, kind: str) -> dict[str, Any]:
    """The inputs of the one node of a kind."""
    (found,) = (node["inputs"] for node in workflow.values() if node["class_type"] == kind)
    return found


def origin(workflow: Workflow, link: list[Any]) -> str:
    """The kind of the node that a link comes from."""
    return workflow[link[0]]["class_type"]


def test_foi_starts_from_the_picture_with_80_percent_noise_and_takes_100_ancestral_steps() -> None:
    workflow = shipped("foi_from_the_picture")
    schedule = inputs(workflow, "BasicScheduler")
    assert (schedule["steps"], schedule["denoise"]) == (100, 0.8)
    assert inputs(workflow, "KSamplerSelect")["sampler_name"] == "euler_ancestral"
    sampling = inputs(workflow, "SamplerCustomAdvanced")
    assert origin(workflow, sampling["latent_image"]) == "VAEEncode"
    assert origin(workflow, sampling["noise"]) == "RandomNoise"
    assert origin(workflow, sampling["guider"]) == "InstanceEditFoIGuider"
    guider = inputs(workflow, "InstanceEditFoIGuider")
    assert (guider["window_by"], guider["disentangled_share"]) == ("steps", 0.75)


def test_turns_as_published_have_the_papers_settings_and_no_reference() -> None:
    workflow = shipped("turns_as_published")
    kinds = [node["class_type"] for node in workflow.values()]
    assert "ReferenceLatent" not in kinds
    assert inputs(workflow, "BasicScheduler")["steps"] == 15
    assert inputs(workflow, "UNETLoader")["unet_name"] == "flux1-dev.safetensors"
    samplers = [n["inputs"] for n in workflow.values() if n["class_type"].endswith("LQRSampler")]
    published = {
        "eta": 0.9,
        "lqr_steps": 4,
        "previous_weight": 0.7,
        "tolerance": 0.0,
        "time_by": "steps",
        "adaptive_attention": "on, as published",
        "adaptive_attention.inside": 2.0,
        "adaptive_attention.outside": 0.8,
        "adaptive_attention.threshold": 0.3,
        "adaptive_attention.first_step": 5,
    }
    assert len(samplers) == 2
    assert all({name: one[name] for name in published} == published for one in samplers)
    guidances = [
        n["inputs"]["guidance"] for n in workflow.values() if n["class_type"] == "FluxGuidance"
    ]
    assert sorted(guidances) == [1.0, 1.0, 3.5, 3.5]


def test_where_the_whole_picture_gets_another_light_no_background_is_put_back() -> None:
    workflow = shipped("klein_light_and_style")
    kinds = {node["class_type"] for node in workflow.values()}
    assert not kinds & {"InstanceEditCompositeBackground", "InstanceEditDecodeRegions"}
    assert origin(workflow, inputs(workflow, "SaveImage")["images"]) == "VAEDecode"
    assert inputs(workflow, "InstanceEditBuildBias")["method.instances_see_global"] is True
    assert "light" in inputs(workflow, "InstanceEditMultiPromptEncode")["global_prompt"]


def test_texts_come_from_a_table_with_room_for_longer_ones() -> None:
    workflow = shipped("idattn_text_table")
    reader = inputs(workflow, "InstanceEditRegionsFromBoxes")
    table = workflow[reader["boxes"][0]]["inputs"]["value"]
    found = parse_boxes(table, 1024, 1024, reader["dialect"])
    assert [one.change.new for one in found if one.change] == [
        *("Deep winter", "First flowers", "Long evenings"),
    ]
    assert reader["longer_texts"] == "to the right"
    assert inputs(workflow, "InstanceEditBuildBias")["method"] == "IDAttn"
