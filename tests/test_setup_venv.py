"""The environment is made once, and mended whatever an interruption or another tool left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from instance_edit.tools import setup_venv
from instance_edit.tools.setup_venv import (
    STAMP,
    TORCH_TRIO,
    UNFINISHED,
    SetupError,
    check_python,
    install_requirements,
    make_venv,
    venv_python,
)

pytestmark = pytest.mark.posix  # the stand-ins for Python are shell scripts


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the environment goes; nothing is there yet."""
    folder = tmp_path / ".venv"
    monkeypatch.setattr(setup_venv, "VENV", folder)
    return folder


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that would make an environment, recorded instead of run."""
    commands: list[str] = []
    run = subprocess.run

    def record(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        if "--clear" not in command:
            return run(command, **options)
        commands.append(" ".join(command[1:]))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", record)
    return commands


def has_pip(folder: Path) -> bool:
    command = [str(venv_python(folder)), "-m", "pip", "--version"]
    return subprocess.run(command, capture_output=True).returncode == 0


def fake_python(folder: Path, script: str) -> None:
    python = venv_python(folder)
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)


def test_the_interpreter_lies_where_each_system_puts_it() -> None:
    assert venv_python(Path("v"), "posix") == Path("v/bin/python")
    assert venv_python(Path("v"), "nt") == Path("v/Scripts/python.exe")


def test_a_half_made_environment_is_made_anew(venv: Path) -> None:
    (venv / "lib").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /nowhere\n")
    make_venv()
    assert has_pip(venv)


def test_an_environment_without_pip_as_uv_makes_it_gets_one(venv: Path, made: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    (venv / "kept").touch()
    assert not has_pip(venv)
    make_venv()
    assert has_pip(venv) and (venv / "kept").exists() and made == []


def test_a_sound_environment_is_left_alone(venv: Path, made: list[str]) -> None:
    fake_python(venv, "exit 0")
    make_venv()
    assert made == []


@pytest.mark.parametrize(
    "script",
    ["exit 1", "case $2 in ensurepip) exit 0;; *) exit 1;; esac"],
    ids=["does not start", "is too old, pip or not"],
)
def test_an_environment_whose_python_is_of_no_use_is_made_anew(
    venv: Path, made: list[str], script: str
) -> None:
    fake_python(venv, script)
    make_venv()
    assert made == [f"-m venv --clear {venv}"]


def test_an_install_that_was_cut_off_is_begun_anew(
    venv: Path, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: str) -> None:
        raise KeyboardInterrupt

    fake_python(venv, "exit 0")
    (tmp_path / "requirements.txt").touch()
    monkeypatch.setattr(setup_venv, "pip", interrupt)
    with pytest.raises(KeyboardInterrupt):
        install_requirements(tmp_path)
    assert (venv / STAMP).read_text() == UNFINISHED
    make_venv()
    assert made == [f"-m venv --clear {venv}"]


def test_an_install_that_failed_is_tried_again_in_the_same_environment(
    venv: Path, made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def fail_once(*arguments: str) -> None:
        asked.append(arguments)
        if len(asked) == 1:
            raise SetupError("no network")

    fake_python(venv, "exit 0")
    (tmp_path / "requirements.txt").touch()
    monkeypatch.setattr(setup_venv, "pip", fail_once)
    with pytest.raises(SetupError, match="no network"):
        install_requirements(tmp_path)
    for _ in range(2):  # the second finds the stamp
        make_venv()
        install_requirements(tmp_path)
    assert made == [] and len(asked) == 2
    assert set(TORCH_TRIO) < set(asked[1])


def test_a_file_in_the_environments_place_is_refused(venv: Path) -> None:
    venv.touch()
    with pytest.raises(SetupError, match=r"\.venv is a file.*move it away"):
        make_venv()


def test_a_link_to_a_broken_environment_is_refused_and_what_it_leads_to_is_kept(
    venv: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").touch()
    venv.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SetupError, match="links to .*elsewhere.*remove the link"):
        make_venv()
    assert (tmp_path / "elsewhere" / "kept").exists()


def test_a_python_without_venv_names_what_to_install(
    venv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python(tmp_path / "system", "exit 1")
    monkeypatch.setattr(sys, "executable", str(venv_python(tmp_path / "system")))
    with pytest.raises(SetupError, match="apt install python3-venv"):
        make_venv()


def test_a_python_that_is_too_old_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    check_python()
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    monkeypatch.setattr(sys, "version", "3.9.18 (main)")
    with pytest.raises(SetupError, match=r"Python 3\.9\.18, .* 3\.10 or newer.*make PYTHON="):
        check_python()
