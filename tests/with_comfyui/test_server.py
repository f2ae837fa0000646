"""A real ComfyUI server runs workflows, and says what went wrong when they fail."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from instance_edit.tools.comfy_server import ComfyServer, ServerError, make_base_directory
from instance_edit.tools.load_pack import ROOT


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "checker.png"
    Image.effect_mandelbrot((32, 24), (-2, -1, 1, 1), 50).convert("RGB").save(path)
    return path


def test_a_picture_goes_through_a_workflow_unchanged(
    comfy_server: ComfyServer, picture: Path
) -> None:
    name = comfy_server.client.upload_image(picture)
    workflow = {
        "1": {"class_type": "LoadImage", "inputs": {"image": name}},
        "2": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": "same"},
        },
    }
    outputs = comfy_server.run(workflow)
    (saved,) = comfy_server.client.pictures(outputs, "2")
    assert Image.open(BytesIO(saved)).tobytes() == Image.open(picture).tobytes()
    assert comfy_server.run(workflow).keys() <= {"2"}  # a second, cached run ends as well


def test_a_refused_workflow_names_the_node_and_the_reason(comfy_server: ComfyServer) -> None:
    workflow = {
        "7": {
            "class_type": "SaveImage",
            "inputs": {"images": ["9", 0], "filename_prefix": "x"},
        },
        "9": {"class_type": "EmptyImage", "inputs": {"width": -5, "height": 8, "batch_size": 1}},
    }
    with pytest.raises(ServerError, match="node 9 \\(EmptyImage\\): .*width"):
        comfy_server.run(workflow, show_progress=False)


def test_a_failing_node_is_named_with_its_exception(comfy_server: ComfyServer) -> None:
    size = {"width": 8, "height": 8, "batch_size": 1, "color": 0}
    workflow = {
        "1": {"class_type": "EmptyImage", "inputs": size},
        "2": {
            "class_type": "SaveImage",
            "inputs": {"images": ["1", 0], "filename_prefix": "../../outside"},
        },
    }
    with pytest.raises(ServerError, match="node 2 \\(SaveImage\\) failed: .*outside the output"):
        comfy_server.run(workflow, show_progress=False)


def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    server = ComfyServer(make_base_directory(tmp_path), arguments=("--cpu", "--no-such-argument"))
    with pytest.raises(ServerError, match="unrecognized arguments: --no-such-argument"):
        server.__enter__()


def test_the_pack_is_linked_into_custom_nodes(comfy_server: ComfyServer) -> None:
    link = comfy_server.base_directory / "custom_nodes" / "instance-edit"
    assert link.resolve() == ROOT
