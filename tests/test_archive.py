"""The archive that comfy-cli packs for the registry, as its reviewer opens it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from instance_edit.tests.test_registry import SNAPSHOT, scanned_nodes
from instance_edit.tools.load_pack import ROOT

FILES = {"__init__.py", "CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"}
ROOMS = {
    *("attention", "demo", "evaluation", "host", "locales", "mask_ops", "nodes", "pictures"),
    *("prompts", "sampling", "subgraphs", "web", "workflows"),
}
LANGUAGES = ("fr", "zh")
"""Help pages of a node's own folder; ComfyUI looks for what they link to from the folder above."""
DEVELOPERS_HEADING = "## In the repository"


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
def unpacked(copy: Path) -> Path:
    """The archive that comfy-cli packs, in a folder of its own."""
    comfy(copy, "--no-enable-telemetry", "node", "pack")
    folder = copy.parent / "unpacked"
    with zipfile.ZipFile(copy / "node.zip") as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def archive(unpacked: Path) -> set[str]:
    """Names of the files in the archive."""
    files = filter(Path.is_file, unpacked.rglob("*"))
    return {path.relative_to(unpacked).as_posix() for path in files}


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
        "web/instance_edit.js",
        "web/canvas/canvas.css",
        "web/photographs/instance_edit_coffee.jpg",
        "web/photographs/README.md",
    ):
        assert needed in archive
    unwanted = [name for name in archive if name.startswith("demo/train")]
    assert unwanted == []


def test_the_archive_stays_small(copy: Path, archive: set[str]) -> None:
    assert archive and (copy / "node.zip").stat().st_size < 20e6


def imported_modules(path: Path) -> list[Path]:
    """Where the modules that a file's relative imports name should lie, without suffix."""
    named: list[Path] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            package = path.parents[node.level - 1]
            module = package.joinpath(*(node.module or "").split("."))
            parts = [module / alias.name for alias in node.names]
            named += [part if is_module(part) else module for part in parts]
    return named


def is_module(path: Path) -> bool:
    return path.with_name(path.name + ".py").is_file() or (path / "__init__.py").is_file()


def test_no_module_of_the_archive_imports_a_file_that_was_left_out(unpacked: Path) -> None:
    missing = {
        f"{path.relative_to(unpacked)} imports {named.relative_to(unpacked)}"
        for path in unpacked.rglob("*.py")
        for named in imported_modules(path)
        if not is_module(named)
    }
    assert missing == set()


def test_no_page_of_the_archive_links_to_a_file_that_was_left_out(unpacked: Path) -> None:
    pages = list(unpacked.rglob("*.md"))
    assert {"README.md", "CHANGELOG.md", "InstanceEditRegion.md"} <= {page.name for page in pages}
    for path in pages:
        links = re.findall(r"\]\(([^)#:]+)[)#]", path.read_text(encoding="utf-8"))
        folder = path.parent.parent if path.stem in LANGUAGES else path.parent
        dead = [link for link in links if not (folder / link).exists()]
        assert dead == [], path.name


def test_links_within_a_page_of_the_archive_lead_to_a_heading(unpacked: Path) -> None:
    for path in unpacked.rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in headings}
        assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors, path.name


def test_a_scan_of_the_archive_finds_our_nodes_alone(unpacked: Path) -> None:
    found: set[str] = set()
    for path in unpacked.rglob("*.py"):
        found |= scanned_nodes(path.read_text(encoding="utf-8"))
    assert found == SNAPSHOT.keys()


def test_git_ignores_the_archive() -> None:
    done = subprocess.run(["git", "check-ignore", "--quiet", "node.zip"], cwd=ROOT)
    assert done.returncode == 0


def test_the_readme_names_verbs_and_files_of_the_repository_under_its_heading_alone(
    unpacked: Path,
) -> None:
    readme = (unpacked / "README.md").read_text(encoding="utf-8")
    for_users, heading, for_developers = readme.partition(DEVELOPERS_HEADING)
    assert heading and "`make demo" in for_developers
    for name in ("`make ", "COMFYUI_PATH", *left_out_rooms()):
        assert name not in for_users, name


def left_out_rooms() -> list[str]:
    lines = (ROOT / ".comfyignore").read_text(encoding="utf-8").splitlines()
    rooms = [line.strip("/") for line in lines if line.startswith("/") and line.endswith("/")]
    return [f"`{room}/" for room in rooms]
