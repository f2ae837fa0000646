"""Save Regions and Load Regions in the real ComfyUI: whole files, and only in its folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.tests.with_comfyui.comfyui import folder_paths
from instance_edit.tests.with_comfyui.core import run_node

Regions = tuple[InstanceRegion, ...]
HARD = torch.rand(30, 40, generator=torch.Generator().manual_seed(1)) > 0.5
SOFT = torch.rand(30, 40, generator=torch.Generator().manual_seed(2))
REGIONS = (
    InstanceRegion("a", box=Box(0.1, 0.2, 1 / 3, 0.9), size=(30, 40), label="car", seed=5),
    InstanceRegion("b", mask=SOFT, strength=0.5, start=0.25, end=0.75, reference=1),
    InstanceRegion("ü\n{x|y}", mask=HARD, reference_masks=torch.stack([HARD, ~HARD])),
)
DRAWN = {
    "version": 1,
    "instances": [
        {
            "instruction": "c",
            "shapes": [{"kind": "stroke", "op": "add", "points": [[0.5, 0.5]], "radius": 0.2}],
        }
    ],
}


def output() -> Path:
    return Path(folder_paths.get_output_directory())


@pytest.fixture(autouse=True)
def clean_folder() -> None:
    """Other tests save under other names."""
    for path in output().rglob("saved_regions*"):
        path.unlink()


def save(nodes: dict[str, type], regions: Regions, prefix: str = "regions/saved_regions") -> Any:
    return run_node(nodes["InstanceEditSaveRegions"], regions=regions, filename_prefix=prefix)


def load(nodes: dict[str, type], file: str, **inputs: Any) -> Any:
    return run_node(nodes["InstanceEditLoadRegions"], file=file, **inputs)


def test_regions_come_back_equal_from_a_file_that_is_offered(pack_nodes: dict[str, type]) -> None:
    same, text = save(pack_nodes, REGIONS)
    assert same == REGIONS
    node: Any = pack_nodes["InstanceEditLoadRegions"]
    (offered,) = [name for name in node.GET_SCHEMA().inputs[0].options if "saved_reg" in name]
    assert offered == "regions/saved_regions_00001_.json [output]"
    loaded, read = load(pack_nodes, offered)
    assert loaded == REGIONS and read == text
    assert [region.label for region in loaded] == ["car", "", ""]


def test_a_second_file_gets_the_next_number_and_nothing_else_stays(
    pack_nodes: dict[str, type],
) -> None:
    for _ in range(2):
        save(pack_nodes, REGIONS)
    names = sorted(path.name for path in (output() / "regions").iterdir())
    assert [name for name in names if "saved_regions" in name] == [
        "saved_regions_00001_.json",
        "saved_regions_00002_.json",
    ]
    assert not [name for name in names if name.endswith(".tmp")]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(
    pack_nodes: dict[str, type], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(ValueError, match="cannot be written .No space left on device"):
        save(pack_nodes, REGIONS)
    assert not list(output().rglob("saved_regions*")) and not list(output().rglob("*.tmp"))


@pytest.mark.parametrize("prefix", ["", ".", "..", "../x", "/tmp/x", "regions/", "a/../..", "a\0b"])
def test_a_name_outside_of_the_output_folder_is_refused(
    pack_nodes: dict[str, type], prefix: str
) -> None:
    before = set(output().parent.rglob("*"))
    with pytest.raises(ValueError, match="'filename_prefix' must be the start of a file's name"):
        save(pack_nodes, REGIONS, prefix)
    assert set(output().parent.rglob("*")) == before


def test_too_long_a_name_is_refused_in_a_sentence(pack_nodes: dict[str, type]) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        save(pack_nodes, REGIONS, "regions/" + "x" * 400)


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ((), "no regions came in"),
        ((InstanceRegion("a", mask=HARD.tile(2, 1, 1)),), "masks for 2 pictures"),
        ((InstanceRegion("a", box=Box(0, 0, 1, 1), origin="nowhere"),), "has no place yet"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_and_nothing_written(
    pack_nodes: dict[str, type], regions: Regions, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        save(pack_nodes, regions)
    assert not list(output().rglob("saved_regions*"))


def write_input(name: str, content: bytes) -> str:
    path = Path(folder_paths.get_input_directory()) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return name


def test_what_was_drawn_gets_the_pixels_of_the_picture(pack_nodes: dict[str, type]) -> None:
    file = write_input("sub/drawn.json", json.dumps(DRAWN).encode("utf-8-sig"))
    with pytest.raises(ValueError, match="sub/drawn.json, instance 1: its shapes need the size"):
        load(pack_nodes, file)
    loaded, _ = load(pack_nodes, file, image=torch.zeros(1, 20, 50, 3), regions=REGIONS[:1])
    assert loaded[0] == REGIONS[0] and loaded[1].mask.shape == (20, 50)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.json", None, "'file' must be a JSON file of the input folder, got 'gone.json'"),
        ("", None, "'file' must be a JSON file of the input folder, got ''"),
        ("../../../etc/passwd", None, "'file' must be a JSON file of the input folder"),
        ("/etc/passwd [output]", None, "'file' must be a JSON file of the output folder"),
        ("latin.json", b'{"\xe4": 1}', "must be a text in UTF-8"),
        ("list.json", b"[]", "list.json must hold a JSON object"),
        ("none.json", b'{"version": 1, "instances": []}', "no regions came in"),
    ],
)
def test_what_is_no_file_of_regions_is_refused(
    pack_nodes: dict[str, type], name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        write_input(name, content)
    with pytest.raises(ValueError, match=said):
        load(pack_nodes, name)


def test_comfyui_hears_of_a_missing_file_and_of_a_changed_one(pack_nodes: dict[str, type]) -> None:
    node: Any = pack_nodes["InstanceEditLoadRegions"]
    file = write_input("sub/changing.json", json.dumps(DRAWN).encode())
    before = node.fingerprint_inputs(file=file)
    assert node.validate_inputs(file=file) is True
    write_input(file, b"{}")
    assert node.fingerprint_inputs(file=file) != before
    assert "must be a JSON file" in node.validate_inputs(file="gone.json")
    assert node.fingerprint_inputs(file="gone.json") == ""
