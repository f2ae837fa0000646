"""A real server gets prompts that are wrong: each is refused in a sentence, and it lives on."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from instance_edit.tests.fuzzing import draws
from instance_edit.tests.with_comfyui.wrong_prompts import (
    Workflow,
    assert_clear,
    demo,
    outcome,
    wrong_prompts,
)
from instance_edit.tools.comfy_server import ComfyServer

BOXES = "InstanceEditRegionsFromBoxes"


def test_whatever_the_prompt_the_server_answers_in_sentences(comfy_server: ComfyServer) -> None:
    @draws(40)
    @given(wrong_prompts())
    def look(workflow: Workflow) -> None:
        assert_clear(outcome(comfy_server, workflow))

    look()
    assert outcome(comfy_server, demo("first_edit")).ended == "done"


@pytest.mark.parametrize(
    ("node", "changes", "said"),
    [
        ("InstanceEditMultiPromptEncode", {"regions": True}, "'regions' must be regions, got True"),
        (
            "InstanceEditApplyAttention",
            {"bias": "x"},
            "'bias' must be a bias, got 'x' .str.. Connect",
        ),
        ("InstanceEditApplyAttention", {"model": {"a": 1}}, "'model' must be a model, got"),
        ("InstanceEditBuildBias", {"method": "NICE"}, "method is missing: it must be one of MICE"),
        ("InstanceEditBuildBias", {"method": 5}, "method is missing: it must be one of MICE"),
        ("InstanceEditBuildBias", {"foo": ["2", 0]}, "has no input 'foo': remove it"),
        ("InstanceEditRegionsFromMasks", {"masks": "x"}, "'masks' must be a mask, got 'x'"),
        ("InstanceEditRegionsFromMasks", {"strength": float("nan")}, "'strength' must be a finite"),
        (
            "InstanceEditMultiPromptEncode",
            {"global_prompt": "\ud800"},
            "'global_prompt' must be text",
        ),
        ("InstanceEditCompositeBackground", {"source": 5}, "'source' must be an image, got 5"),
    ],
)
def test_a_value_that_core_lets_into_a_socket_is_refused_by_name(
    node: str, changes: dict[str, Any], said: str, comfy_server: ComfyServer
) -> None:
    workflow = copy.deepcopy(demo("first_edit"))
    (key,) = [k for k, one in workflow.items() if one["class_type"] == node]
    workflow[key]["inputs"] |= changes
    found = outcome(comfy_server, workflow)
    assert_clear(found)
    assert found.node == node, found
    with pytest.raises(ValueError, match=said):
        raise ValueError(found.said)


@pytest.mark.parametrize(
    "text", ["[" * 3000, '{"a":' * 3000, "[[0, 0, 1e400, 1]]", "[[NaN, 0, 9, 9]]"]
)
def test_boxes_of_broken_json_are_refused_in_a_sentence(
    text: str, comfy_server: ComfyServer
) -> None:
    image = {"width": 64, "height": 64, "batch_size": 1, "color": 0}
    region = {"width": 64, "height": 64, "instructions": "a"}
    window = {"strength": 1.0, "start": 0.0, "end": 1.0}
    workflow = {
        "1": {"class_type": "EmptyImage", "inputs": image},
        "2": {
            "class_type": BOXES,
            "inputs": {"boxes": text, "image": ["1", 0], **region, **window},
        },
        "3": {
            "class_type": "InstanceEditPreviewRegions",
            "inputs": {"image": ["1", 0], "regions": ["2", 0], "token_grid": False},
        },
    }
    found = outcome(comfy_server, workflow)
    assert_clear(found)
    assert (found.ended, found.node) == ("error", BOXES)
