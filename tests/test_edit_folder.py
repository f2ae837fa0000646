"""Which pictures `make edit-folder` finds, and which of them are done; no ComfyUI is needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from instance_edit.tools.edit_folder.edit_folder import is_done
from instance_edit.tools.edit_folder.inputs import Found, find_pictures, read_inputs, stamp_of
from instance_edit.tools.fleet.store import write_outcome


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"of {name}")
    return folder


def only(folder: Path) -> Found:
    (found,) = find_pictures(folder)
    return found


def finish(out: Path, one: Found) -> None:
    row = {"result": f"{one.name}.png", "from": stamp_of(one)}
    write_outcome(out, one.name, row, {row["result"]: b"a picture"})


def test_regions_lie_beside_a_picture_or_alone_with_it_in_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "a.json", "b.JPG", "b.csv", "notes.txt", "regions.json")
    write(tmp_path, "deep/c.webp", "deep/regions.csv", "out/a.png")
    found = {one.name: one for one in find_pictures(tmp_path, tmp_path / "out")}
    assert list(found) == ["a", "b", "deep/c"]
    regions = {name: [path.name for path in one.regions] for name, one in found.items()}
    assert regions == {"a": ["a.json"], "b": ["b.csv"], "deep/c": ["regions.csv"]}
    inputs = read_inputs(found["b"])
    assert inputs["kind"] == ".csv" and inputs["regions"] == b"of b.csv"


@pytest.mark.parametrize("files", [(), ("a.json", "a.csv"), ("a.json", "regions.json")])
def test_a_picture_needs_one_file_of_regions(files: tuple[str, ...], tmp_path: Path) -> None:
    one = only(write(tmp_path, "a.png", *files))
    told = " and ".join(files) or "nothing"
    with pytest.raises(ValueError, match=rf"a.json .* or a.csv .*, got {told}\."):
        read_inputs(one)


@pytest.mark.parametrize("changed", ["a.png", "a.json"])
def test_a_picture_is_done_until_one_of_its_files_changes(changed: str, tmp_path: Path) -> None:
    source, out = write(tmp_path / "in", "a.png", "a.json"), tmp_path / "out"
    assert not is_done(out, only(source))
    finish(out, only(source))
    assert is_done(out, only(source))
    os.utime(source / changed, ns=(1, 1))
    assert not is_done(out, only(source))


def test_a_picture_without_its_result_or_with_an_error_is_not_done(tmp_path: Path) -> None:
    source, out = write(tmp_path / "in", "a.png", "a.json"), tmp_path / "out"
    finish(out, only(source))
    (out / "a.png").unlink()
    assert not is_done(out, only(source))
    row = {"error": "no regions", "from": stamp_of(only(source))}
    write_outcome(out, "a", row, {})
    assert not is_done(out, only(source))
