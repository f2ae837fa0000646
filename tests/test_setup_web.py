"""The JavaScript tools are installed once per lock file, by the environment's own Node.js."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from instance_edit.tools import setup_web
from instance_edit.tools.setup_venv import STAMP, SetupError
from instance_edit.tools.setup_web import install_web_tools


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The commands that would install, recorded instead of run."""
    commands: list[str] = []
    (tmp_path / "package-lock.json").write_text("{}")
    (tmp_path / "node_modules").mkdir()

    def record(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(" ".join(arguments[-3:]))
        return subprocess.CompletedProcess([], 0, stdout="npm-cli.js\n")

    monkeypatch.setattr(setup_web, "WEB", tmp_path)
    monkeypatch.setattr(setup_web, "_environment", record)
    return commands


def test_the_tools_are_installed_once_per_lock_file(asked: list[str], tmp_path: Path) -> None:
    for _ in range(2):
        install_web_tools()
    assert [one for one in asked if one.startswith("ci")] == [
        "ci --ignore-scripts --loglevel=error"
    ]
    (tmp_path / "package-lock.json").write_text('{"name": "other"}')
    install_web_tools()
    assert asked.count("ci --ignore-scripts --loglevel=error") == 2


def test_an_install_that_fails_leaves_no_stamp(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        failed = int("ci" in arguments)
        return subprocess.CompletedProcess([], failed, stdout="npm-cli.js")

    monkeypatch.setattr(setup_web, "_environment", fail)
    with pytest.raises(SetupError, match="npm ci.*failed.*try again"):
        install_web_tools()
    assert not (tmp_path / "node_modules" / STAMP).exists()


def test_the_environments_node_has_npm() -> None:
    found = setup_web._environment("-c", setup_web.FIND_NPM, capture_output=True, text=True)
    assert found.stdout.strip().endswith("npm-cli.js")
