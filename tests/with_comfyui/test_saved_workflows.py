"""Prompts saved with earlier releases are still accepted, and still make the same pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from instance_edit.tests.saved.files import FOLDER, PROMPTS, label, read
from instance_edit.tests.saved.meaning import Definition, Prompt, find_input
from instance_edit.tests.saved.results import edited_pictures, look_the_same, runs_anywhere
from instance_edit.tests.with_comfyui.stand_in_files import make_workflow_server
from instance_edit.tools.comfy_server import ComfyServer

NOTHING_WRONG = {"error": {}, "node_errors": {}}
RUNNABLE = [path for path in PROMPTS if runs_anywhere(read(path))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComfyServer]:
    """A server with every file that a workflow names, on one thread, as when they were saved."""
    base = make_workflow_server(tmp_path_factory.mktemp("saved"))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OMP_NUM_THREADS", "1")
        with ComfyServer(base) as running:
            yield running


@pytest.fixture(scope="module")
def object_info(server: ComfyServer) -> dict[str, Definition]:
    return json.loads(server.client.get("/object_info"))


def validate(server: ComfyServer, prompt: Prompt) -> dict[str, Any]:
    """ComfyUI's own verdict on a prompt, without running it."""
    return server.client.post("/stand_in/validate", json.dumps(prompt).encode())


@pytest.mark.parametrize("path", PROMPTS, ids=label)
def test_a_saved_prompt_is_accepted_and_each_of_its_inputs_known(
    server: ComfyServer, object_info: dict[str, Definition], path: Path
) -> None:
    prompt = read(path)
    assert validate(server, prompt) == NOTHING_WRONG
    for key, node in prompt.items():
        known, values = object_info[node["class_type"]], node["inputs"]
        unknown = [name for name in values if find_input(known, name, values) is None]
        assert not unknown, f"node {key}, {node['class_type']}"


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("InstanceEditBuildBias", {"overlap": "last wins"}, "Value not in list"),
        ("InstanceEditBuildBias", {"method.kernel_size": 99}, "bigger than max"),
        ("InstanceEditApplyAttention", {"model": ["2", 0]}, "Return type mismatch"),
    ],
)
def test_a_prompt_with_a_value_or_link_that_is_no_more_is_refused(
    server: ComfyServer, kind: str, change: dict[str, Any], reason: str
) -> None:
    prompt = read(FOLDER / "0.1.0" / "api" / "first_edit.json")
    (key,) = (key for key, node in prompt.items() if node["class_type"] == kind)
    prompt[key]["inputs"] |= change
    errors = validate(server, prompt)["node_errors"][key]["errors"]
    assert [reason in error["message"] for error in errors] == [True]


@pytest.mark.parametrize("path", RUNNABLE, ids=label)
def test_a_saved_prompt_of_the_demo_model_makes_the_picture_it_made(
    server: ComfyServer, path: Path
) -> None:
    saved = sorted((path.parents[1] / "results").glob(f"{path.stem}.*.png"))
    made = edited_pictures(server, read(path))
    assert saved and sorted(made) == sorted(file.suffixes[0][1:] for file in saved)
    for file in saved:
        assert look_the_same(Image.open(file), made[file.suffixes[0][1:]]), file.name
