"""The pack as the registry and its users get it: addresses, languages, pictures, a scan."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from instance_edit.tools.load_pack import ROOT

SNAPSHOT = json.loads(Path(__file__).with_name("node_snapshot.json").read_text(encoding="utf-8"))
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
LANGUAGES = ("en", "zh", "fr")
WORDS = {"regional", "inpaint many", "multi edit", "edit many objects", "kontext", "klein", "qwen"}


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
    text = (docs / f"{node}.md").read_text(encoding="utf-8")
    pictures = [part.split(")")[0] for part in text.split("](")[1:]]
    pictures = [name for name in pictures if name.startswith("pictures/")]
    assert f"pictures/{node}.jpg" in pictures
    assert all((docs / name).is_file() for name in pictures)


def test_the_blueprint_says_what_it_does_and_is_found_by_the_words_that_people_use() -> None:
    (path,) = (ROOT / "subgraphs").glob("*.json")
    extra = json.loads(path.read_text(encoding="utf-8"))["extra"]
    assert set(extra["BlueprintSearchAliases"]) >= WORDS
    assert extra["BlueprintDescription"].startswith("Edits many things of one picture")


def test_the_blueprints_inputs_begin_with_the_model_and_stand_beside_its_nodes() -> None:
    (path,) = (ROOT / "subgraphs").glob("*.json")
    blueprint = json.loads(path.read_text(encoding="utf-8"))
    (inner,) = blueprint["definitions"]["subgraphs"]
    names = ["model", "clip", "vae", "image", "regions"]
    assert [port["name"] for port in inner["inputs"]] == names
    assert [port["name"] for port in blueprint["nodes"][0]["inputs"]] == names
    left = min(node["pos"][0] for node in inner["nodes"])
    right = max(node["pos"][0] + node["size"][0] for node in inner["nodes"])
    x, _, width, _ = inner["inputNode"]["bounding"]
    assert left - 200 < x + width < left
    assert right < inner["outputNode"]["bounding"][0] < right + 200


def test_icon_and_banner_have_the_registrys_sizes() -> None:
    assert Image.open(ROOT / "assets" / "icon.png").size == (400, 400)
    width, height = Image.open(ROOT / "assets" / "banner.png").size
    assert width * 9 == height * 21


def setting(name: str) -> str:
    """A string of pyproject.toml by its key, which is there once."""
    (value,) = re.findall(rf'^{name} = "([^"]*)"', PROJECT, re.MULTILINE)
    return value


def test_icon_and_banner_are_files_of_the_named_repository() -> None:
    owner = setting("Repository").removeprefix("https://github.com/")
    for name in ("Icon", "Banner"):
        start = f"https://raw.githubusercontent.com/{owner}/main/"
        assert setting(name).startswith(start)
        assert (ROOT / setting(name).removeprefix(start)).is_file()
    assert setting("Documentation").startswith(setting("Repository"))
    assert setting("Issues") == setting("Repository") + "/issues"


def test_every_address_of_the_repository_is_the_one_in_pyproject() -> None:
    repository = setting("Repository")
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        links = re.findall(r"https://github\.com/\S*instance-edit[^\s)>]*", text)
        assert all(link.startswith(repository) for link in links), name
        for link in links:
            _, _, path = link.partition("/blob/main/")
            assert (ROOT / path.partition("#")[0]).exists(), link


def tracked_python() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in filter(None, listed.stdout.split("\0"))]
    return [path for path in paths if path.is_file()]


def scanned_nodes(code: str) -> set[str]:
    """Node ids as ComfyUI Manager's scanner reads them in every file of a pack's repository.

    Keys of a literal NODE_CLASS_MAPPINGS, and the node_id of each ComfyNode's schema.
    """
    found = set()
    for literal in re.findall(r"_CLASS_MAPPINGS[^=\n]*=\s*\{([^}]*)\}", code):
        found |= set(re.findall(r"""["']([^"']*)["']\s*:""", literal))
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ClassDef) and any(
            "ComfyNode" in ast.unparse(b) for b in node.bases
        ):
            found |= set(re.findall(r"node_id='([^']*)'", ast.unparse(node)))
    return found


def test_a_scan_of_the_repository_finds_our_nodes_and_no_stand_in() -> None:
    found: set[str] = set()
    for path in tracked_python():
        found |= scanned_nodes(path.read_text(encoding="utf-8"))
    assert found == SNAPSHOT.keys()
