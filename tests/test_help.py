"""Every node's help page, in every language: the same inputs, pictures and parts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from instance_edit.tests.test_registry import SNAPSHOT
from instance_edit.tools.load_pack import ROOT

DOCS = ROOT / "web" / "docs"
PARTS = {
    "en": ("**An example.**", "**What can go wrong**", "**Which node first**"),
    "zh": ("**示例。**", "**可能出错的地方**", "**先用哪个节点**"),
    "fr": ("**Un exemple.**", "**Ce qui peut mal tourner**", "**Quel nœud d'abord**"),
}
INPUTS = {"en": "| input | |", "zh": "| 输入 | |", "fr": "| entrée | |"}
EVERY = pytest.mark.parametrize("node", sorted(SNAPSHOT))
IN_EACH = pytest.mark.parametrize("language", PARTS)


def path_of(node: str, language: str) -> Path:
    """Where the front end looks for a page: that of the language, else the one without."""
    return DOCS / (f"{node}.md" if language == "en" else f"{node}/{language}.md")


def page(node: str, language: str) -> str:
    return path_of(node, language).read_text(encoding="utf-8")


def rows(text: str, head: str) -> list[str]:
    """First cells of the table under that head."""
    _, found, rest = text.partition(f"{head}\n|---|---|\n")
    table = rest.partition("\n\n")[0] if found else ""
    return [line.split("|")[1] for line in table.splitlines()]


def inputs_told(node: str, language: str) -> list[str]:
    named = ",".join(rows(page(node, language), INPUTS[language]))
    return [name.strip().replace(" ", "_") for name in named.split(",") if name]


def pictures(text: str) -> list[str]:
    return re.findall(r"!\[[^\]]+\]\((pictures/\w+\.jpg)\)", text)


@IN_EACH
@EVERY
def test_a_page_has_its_title_its_picture_an_example_and_what_can_go_wrong(
    node: str, language: str
) -> None:
    text = page(node, language)
    locale = json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text("utf-8"))
    assert text.startswith(f"# {locale[node]['display_name']}\n")
    assert f"pictures/{node}.jpg" in pictures(text)
    places = [text.find(part) for part in PARTS[language]]
    assert -1 not in places and places == sorted(places)
    _, wrong, _ = PARTS[language]
    assert text.partition(wrong)[2].lstrip().startswith("- ")


@EVERY
def test_a_page_tells_every_input(node: str) -> None:
    known = SNAPSHOT[node]["inputs"]
    told = inputs_told(node, "en")
    assert {name for name in known if "." not in name} <= set(told)
    assert set(told) <= {name.rpartition(".")[2] for name in known}


@EVERY
def test_pages_have_the_same_inputs_and_pictures_in_every_language(node: str) -> None:
    for language in PARTS:
        assert inputs_told(node, language) == inputs_told(node, "en"), language
        assert pictures(page(node, language)) == pictures(page(node, "en")), language


@EVERY
def test_a_page_has_as_many_tables_rows_and_points_in_every_language(node: str) -> None:
    def shape(language: str) -> tuple[int, ...]:
        lines = page(node, language).splitlines()
        told = len(rows(page(node, language), INPUTS[language]))
        tables = sum(line.startswith("|---") for line in lines)
        points = sum(line.startswith("- ") for line in lines)
        return tables, sum(line.startswith("| ") for line in lines) - told, points

    assert {shape(language) for language in PARTS} == {shape("en")}


@IN_EACH
def test_nodes_of_a_shelf_say_the_same_about_which_to_take_first(language: str) -> None:
    head = PARTS[language][-1]
    tables = {node: page(node, language).partition(head)[2] for node in SNAPSHOT}
    for node, table in tables.items():
        title = page(node, language).partition("\n")[0].removeprefix("# ")
        assert f"*{title}*" in table, node
        assert sum(other == table for other in tables.values()) > 1, node


def test_there_is_no_page_of_a_node_that_is_not_there() -> None:
    pages = {path.stem for path in DOCS.glob("*.md")}
    folders = {path.parent.name for path in DOCS.glob("*/*.md")}
    assert pages == SNAPSHOT.keys() == folders
    assert {path.stem for path in DOCS.glob("*/*.md")} == PARTS.keys() - {"en"}
