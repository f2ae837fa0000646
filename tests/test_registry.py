"""The pack as the registry and its users get it: a clean package, languages, pictures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from instance_edit.tools.load_pack import ROOT

SNAPSHOT = json.loads(Path(__file__).with_name("node_snapshot.json").read_text())
LANGUAGES = ("en", "zh", "fr")
FILES = {"__init__.py", "LICENSE", "README.md", "pyproject.toml"}
ROOMS = {
    *("attention", "demo", "evaluation", "host", "locales", "mask_ops", "nodes", "pictures"),
    *("prompts", "sampling", "subgraphs", "web", "workflows"),
}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's files as they stand, committed in a repository of their own."""
    folder = tmp_path_factory.mktemp("registry") / "instance-edit"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, tracked.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "copy"]):
        subprocess.run([*git, *arguments], cwd=folder, check=True)
    return folder


def comfy(folder: Path, *arguments: str) -> str:
    """What comfy-cli says, with its usage statistics off."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("comfy")), "--skip-prompt", *arguments],
        cwd=folder,
        env={**os.environ, "DO_NOT_TRACK": "1", "HOME": str(folder.parent)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def archive(copy: Path) -> set[str]:
    """Names in the archive that comfy-cli packs."""
    comfy(copy, "--no-enable-telemetry", "node", "pack")
    with zipfile.ZipFile(copy / "node.zip") as packed:
        return set(packed.namelist())


def test_comfy_cli_finds_nothing_to_complain_about(copy: Path) -> None:
    said = comfy(copy, "--no-enable-telemetry", "node", "validate")
    assert "All validation checks passed" in said
    assert "warning" not in said.lower()


def test_the_archive_holds_the_pack_and_nothing_else(archive: set[str]) -> None:
    assert {name for name in archive if "/" not in name} == FILES
    assert {name.split("/")[0] for name in archive if "/" in name} == ROOMS
    for needed in (
        "nodes/__init__.py",
        "demo/weights/demo.safetensors",
        "locales/zh/nodeDefs.json",
        "subgraphs/Edit N instances.json",
        "workflows/first_edit.json",
        "workflows/first_edit.jpg",
        "web/docs/InstanceEditRegion.md",
    ):
        assert needed in archive
    unwanted = [name for name in archive if "train" in name]
    assert unwanted == []


def test_the_archive_stays_small(copy: Path, archive: set[str]) -> None:
    assert archive and (copy / "node.zip").stat().st_size < 20e6


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_node_has_its_texts_in_every_language(language: str) -> None:
    path = ROOT / "locales" / language / "nodeDefs.json"
    texts: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    assert texts.keys() == SNAPSHOT.keys()
    for node, text in texts.items():
        assert text["display_name"].strip()
        assert language == "en" or text["description"].strip()
        known = {name.replace(".", "_") for name in SNAPSHOT[node]["inputs"]}
        told = text.get("inputs", {}).keys()
        assert told <= known if language == "en" else told == known, node


@pytest.mark.parametrize("node", sorted(SNAPSHOT))
def test_every_node_has_a_help_page_with_pictures_that_are_there(node: str) -> None:
    docs = ROOT / "web" / "docs"
    text = (docs / f"{node}.md").read_text()
    pictures = [part.split(")")[0] for part in text.split("](")[1:]]
    pictures = [name for name in pictures if name.startswith("pictures/")]
    assert f"pictures/{node}.jpg" in pictures
    assert all((docs / name).is_file() for name in pictures)


def test_icon_and_banner_have_the_registrys_sizes() -> None:
    assert Image.open(ROOT / "assets" / "icon.png").size == (400, 400)
    width, height = Image.open(ROOT / "assets" / "banner.png").size
    assert width * 9 == height * 21
