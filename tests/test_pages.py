"""The pages name only what is there, and what they print is what runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from instance_edit.tests.pages import (
    PAGES,
    code_spans,
    headings,
    links,
    load_printed,
    names_in,
    page,
    printed,
    rooms,
    tracked,
)
from instance_edit.tools.load_pack import ROOT

EVERY = pytest.mark.parametrize("name", PAGES)
METHOD = "docs/add_a_method.md"


@EVERY
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(name: str) -> None:
    for path, heading in links(name):
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), path
        if heading:
            assert heading in headings(target.resolve().relative_to(ROOT).as_posix()), heading


@EVERY
def test_every_function_that_a_page_names_is_in_its_file(name: str) -> None:
    for span in code_spans(name):
        named = re.fullmatch(r"([\w/]+\.py):([\w.]+)", span)
        if named:
            assert (ROOT / named[1]).is_file(), span
            assert named[2] in names_in(named[1]), span


@EVERY
def test_every_file_that_a_page_names_is_there_or_printed_in_it(name: str) -> None:
    own, ours = printed(name).keys(), rooms()
    for span in code_spans(name):
        path = span.partition(":")[0]
        if re.fullmatch(r"[\w.-]+/[\w./-]*", path) and path.split("/")[0] in ours:
            assert (ROOT / path).exists() or path in own or "NAME" in path, span


@EVERY
def test_a_file_of_the_repository_is_printed_as_it_is(name: str) -> None:
    for path, code in printed(name).items():
        assert not (ROOT / path).exists() or page(path) == code, path


def test_the_lengths_of_the_families_files_are_as_stated() -> None:
    text = page("docs/add_a_family.md")
    rows = re.findall(r"^\| \[`(host/families/\w+\.py)`\]\S+ \| (\d+) \|", text, re.M)
    assert len(rows) > 4
    assert rows == [(path, str(len(page(path).splitlines()))) for path, _ in rows]


def test_every_family_and_every_method_has_its_place_in_the_pages() -> None:
    families = set(tracked("host/families/*.py")) - {"host/families/__init__.py"}
    assert families <= code_spans("docs/add_a_family.md") & code_spans("docs/architecture.md")
    faces = set(tracked("nodes/methods/*.py"))
    faces -= {"nodes/methods/__init__.py", "nodes/methods/face.py"}
    assert faces <= code_spans("docs/methods.md")


def test_the_code_cites_headings_that_are_there() -> None:
    cited = {
        (path, found)
        for path in tracked("*.py")
        for found in re.findall(r"(?<![\w/])(docs/\w+\.md)(?:#([\w-]+))?", page(path))
        if path != "tests/test_pages.py"
    }
    assert len(cited) > 5
    for path, (name, heading) in cited:
        assert (ROOT / name).is_file(), path
        assert not heading or heading in headings(name), (path, heading)


def test_the_printed_method_passes_its_printed_test(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert set(printed(METHOD)) == {
        "attention/own_words.py",
        "tests/test_own_words.py",
        "nodes/methods/own_words.py",
        "tools/workflow_sheets/own_words.py",
    }
    load_printed(METHOD, "attention/own_words.py", tmp_path, monkeypatch)
    written = load_printed(METHOD, "tests/test_own_words.py", tmp_path, monkeypatch)
    tests = [test for name, test in vars(written).items() if name.startswith("test_")]
    assert len(tests) == 1
    tests[0]()
