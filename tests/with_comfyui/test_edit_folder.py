"""`make edit-folder` on the miniature: two workers, each with a ComfyUI of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from instance_edit.demo.example import INSTANCES, first_scene, instance_masks, write_scene
from instance_edit.demo.scenes import CANVAS
from instance_edit.tools.edit_folder.edit import chosen_method
from instance_edit.tools.edit_folder.edit_folder import edit_folder, is_done
from instance_edit.tools.edit_folder.inputs import find_pictures
from instance_edit.tools.fleet import models
from instance_edit.tools.fleet.store import FleetError

MASKS = instance_masks(first_scene()).bool().numpy()


def boxes() -> list[list[int]]:
    """[x1, y1, x2, y2] in pixels of each instance."""
    found = [np.argwhere(mask) for mask in MASKS]
    return [[*where.min(0)[::-1], *(where.max(0)[::-1] + 1)] for where in found]


def regions_json(count: int = 3) -> str:
    shapes = [
        {"kind": "box", "op": "add", "box": [float(value) / CANVAS for value in box]}
        for box in boxes()
    ]
    instances = [
        {"instruction": instance.instruction, "shapes": [shape]}
        for instance, shape in zip(INSTANCES, shapes, strict=True)
    ]
    size = [CANVAS, CANVAS]
    return json.dumps({"version": 1, "size": size, "instances": instances[:count]})


def write_picture(path: Path, side: int = CANVAS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_scene(path.parent, side, INSTANCES)
    (path.parent / "source.png").rename(path)
    return path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Pictures with regions of either kind, and three that cannot be edited."""
    source = tmp_path_factory.mktemp("pictures")
    write_picture(source / "plain.png").with_suffix(".json").write_text(regions_json())
    large = write_picture(source / "deep" / "large.png", CANVAS + 40)
    large.with_name("regions.json").write_text(regions_json(1))
    x1, y1, x2, y2 = boxes()[1]
    table = f"old,new,x1,y1,x2,y2\nthe blue square,an orange ring,{x1},{y1},{x2},{y2}\n"
    write_picture(source / "table.png").with_suffix(".csv").write_text(table)
    write_picture(source / "without.png")
    write_picture(source / "wrong.png").with_suffix(".json").write_text('{"version": 1}')
    (source / "broken.png").write_bytes(b"no picture")
    (source / "broken.json").write_text(regions_json())
    out = source / "out"
    asked = {"IN": str(source), "OUT": str(out), "WORKERS": "2", "STEPS": "4", "METHOD": "idattn"}
    assert edit_folder(asked) == (3, 3)
    return source, out


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_every_picture_is_edited_where_its_regions_are_and_nowhere_else(
    folders: tuple[Path, Path],
) -> None:
    source, out = folders
    change = np.abs(pixels(source / "plain.png") - pixels(out / "plain.png")).max(-1)
    assert all(change[mask].max() > 60 for mask in MASKS)
    far = np.ones((CANVAS, CANVAS), bool)
    for x1, y1, x2, y2 in boxes():
        far[max(0, y1 - 40) : y2 + 40, max(0, x1 - 40) : x2 + 40] = False
    assert change[far].max() == 0
    change = np.abs(pixels(source / "table.png") - pixels(out / "table.png")).max(-1)
    assert change[MASKS[1]].max() > 60
    large = pixels(out / "deep" / "large.png")
    assert large.shape == pixels(source / "deep" / "large.png").shape


def test_what_cannot_be_edited_is_in_the_report_in_a_sentence(folders: tuple[Path, Path]) -> None:
    _, out = folders
    report = (out / "report.md").read_text()
    assert "3 of 6 picture(s) were edited." in report and "2 worker(s)" in report
    assert "- `broken`: it cannot be read as a picture" in report
    assert "- `without`: one file of regions is needed beside it, without.json" in report
    assert "- `wrong`: the regions' file (.json)" in report and "'instances'" in report
    rows = {row["name"]: row for row in json.loads((out / "report.json").read_text())}
    assert rows["plain"]["instances"] == 3 and rows["deep/large"]["instances"] == 1
    assert sorted(path.name for path in out.rglob("*.png")) == [
        *("large.png", "plain.png", "table.png")
    ]


def test_a_second_run_does_only_what_failed_or_was_changed(folders: tuple[Path, Path]) -> None:
    source, out = folders
    done = {one.name: is_done(out, one) for one in find_pictures(source, out)}
    assert [name for name in done if not done[name]] == ["broken", "without", "wrong"]
    for name in ("broken", "without", "wrong"):
        (source / f"{name}.png").unlink()
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    asked = {"IN": str(source), "OUT": str(out), "STEPS": "4", "METHOD": "idattn"}
    assert edit_folder(asked) == (3, 0)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.png")} == kept
    (source / "plain.json").write_text(regions_json(2))
    (out / "table.png").unlink()
    done = {one.name: is_done(out, one) for one in find_pictures(source, out)}
    assert done == {"deep/large": True, "plain": False, "table": False}
    with pytest.raises(FleetError, match=r"other settings \(SEED differ\)"):
        edit_folder({**asked, "SEED": "1"})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, r"IN=\.\. is missing"),
        ({"IN": "{here}"}, r"OUT=\.\. is missing"),
        ({"OUT": "{here}/out", "IN": "{here}/none"}, "IN=.*none must be a folder"),
        ({"OUT": "{here}/out", "IN": "{here}"}, "holds no picture"),
        ({"OUT": "o", "IN": "{here}", "SEED": "x"}, "SEED must be a whole number from 0, got 'x'"),
        ({"OUT": "o", "IN": "{here}", "WORKERS": "0"}, "WORKERS must be a whole number from 1"),
        ({"OUT": "o", "IN": "{here}", "BACKGROUND": "x"}, "BACKGROUND must be keep or free, got x"),
    ],
)
def test_a_command_that_cannot_be_carried_out_is_one_sentence(
    asked: dict[str, str], message: str, tmp_path: Path
) -> None:
    given = {key: value.format(here=tmp_path) for key, value in asked.items()}
    with pytest.raises(ValueError, match=message):
        edit_folder(given)


def test_a_method_is_named_by_its_key_or_as_users_know_it() -> None:
    for name in ("dense_mice", "MICE (many instances)", "mice (Many instances)"):
        assert chosen_method(name)["method"] == "MICE (many instances)"
    with pytest.raises(ValueError, match="METHOD must be one of MICE, IDAttn, .*got 'MICES'"):
        chosen_method("MICES")


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg"):
        write_picture(tmp_path / name)
    with pytest.raises(ValueError, match=r"a.jpg and .*a.png would give one result"):
        find_pictures(tmp_path)


def test_the_loras_that_regions_name_are_those_of_the_users_comfyui(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loras = tmp_path / "mine" / "models" / "loras"
    loras.mkdir(parents=True)
    monkeypatch.setattr(models, "ROOT", tmp_path)
    monkeypatch.setattr(models, "find_comfyui", lambda: tmp_path / "mine")
    (tmp_path / "home").mkdir()
    models.link_loras(tmp_path / "home")
    assert not (tmp_path / "home" / "models").exists()
    (loras / "style.safetensors").touch()
    models.link_loras(tmp_path / "home")
    assert (tmp_path / "home" / "models" / "loras" / "style.safetensors").is_file()
