"""The list of wrong lines keeps up with the code; what is killed is told from what survives."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from instance_edit.tools import mutations
from instance_edit.tools.mutations import Mutation, check_mutations, read_mutations

DOUBLE = "def double(x):\n    return 2 * x\n"
NOTICES = "from double import double\n\n\ndef test_it() -> None:\n    assert double(3) == 6\n"


def entry(name: str, old: str, new: str, **more: str) -> dict[str, object]:
    tests = ["tests/test_double.py"]
    return {"name": name, "file": "double.py", "old": old, "new": new, "tests": tests, **more}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of one function and one test."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "double.py").write_text(DOUBLE)
    (tmp_path / "tests" / "test_double.py").write_text(NOTICES)
    (tmp_path / "conftest.py").write_text("")  # pytest finds double.py beside it
    monkeypatch.setattr(mutations, "ROOT", tmp_path)
    return tmp_path


SCRIPT = "export const double = (x) => 2 * x;\n"
ASSERTS = """import assert from "node:assert/strict";
import { test } from "node:test";
import { double } from "../double.js";
test("double", () => assert.equal(double(3), 6));
"""


def run(tree: Path, monkeypatch: pytest.MonkeyPatch, *entries: dict[str, object]) -> int:
    table = tree / "table.json"
    table.write_text(json.dumps(entries))
    monkeypatch.setattr(mutations, "read_mutations", lambda: read_mutations(table))
    monkeypatch.setattr(mutations, "check_mutations", lambda every: check_mutations(every, tree))
    return mutations.main([])


def test_every_entry_still_fits_the_code() -> None:
    every = read_mutations()
    check_mutations(every)
    assert len(every) > 60


@pytest.mark.parametrize(("old", "count"), [("3 * x", 0), ("x", 2)])
def test_an_entry_whose_text_is_not_there_once_is_refused(old: str, count: int) -> None:
    mutation = Mutation("double: three times", "double.py", old, "y", ("tests/test_double.py",))
    with pytest.raises(ValueError, match=f"'double: three times': its old text stands {count}"):
        mutation.applied(DOUBLE)


def test_an_entry_that_changes_nothing_or_has_no_test_is_refused(tree: Path) -> None:
    with pytest.raises(ValueError, match="the new one must differ"):
        Mutation("same", "double.py", "2 * x", "2 * x", ("tests/test_double.py",)).applied(DOUBLE)
    for tests in ((), ("tests/test_gone.py",)):
        with pytest.raises(ValueError, match="no such tests"):
            check_mutations([Mutation("untested", "double.py", "2 * x", "x", tests)], tree)


def test_two_entries_of_one_name_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    table.write_text(json.dumps([entry("same", "2", "3"), entry("same", "2", "4")]))
    with pytest.raises(ValueError, match="two mutations have one name"):
        read_mutations(table)


def test_what_no_test_notices_survives_and_is_counted(
    tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mutations")
    three = entry("double: three times", "2 * x", "3 * x")
    squared = entry("double: nothing up to 2", "2 * x", "2 * x if x > 2 else 0")
    assert run(tree, monkeypatch, three, squared) == 1
    assert caplog.messages == [
        "killed   double: three times",
        "survived double: nothing up to 2",
        "killed 1 of 2",
    ]
    assert (tree / "double.py").read_text() == DOUBLE


def test_lines_of_javascript_are_tried_with_their_own_tests(
    tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mutations")
    (tree / "double.js").write_text(SCRIPT)
    (tree / "tests" / "double.test.js").write_text(ASSERTS)
    script = {"file": "double.js", "tests": ["tests/double.test.js"]}
    three = entry("script: three times", "2 * x", "3 * x") | script
    squared = entry("script: nothing up to 2", "2 * x", "x > 2 ? 2 * x : 0") | script
    assert run(tree, monkeypatch, three, squared) == 1
    assert caplog.messages == [
        "killed   script: three times",
        "survived script: nothing up to 2",
        "killed 1 of 2",
    ]


def test_what_is_equivalent_must_survive_and_does_not_count(
    tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "mutations")
    same = entry("double: added", "2 * x", "x + x", equivalent="the same number")
    noticed = entry("double: three times", "2 * x", "3 * x", equivalent="wrongly called so")
    assert run(tree, monkeypatch, same, noticed) == 1
    assert caplog.messages[-2:] == [
        "killed 0 of 0",
        "called equivalent, but noticed: ['double: three times']",
    ]


def test_tests_that_fail_without_a_mutation_prove_nothing(
    tree: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tree / "double.py").write_text(DOUBLE.replace("2", "5"))
    assert run(tree, monkeypatch, entry("double: once", "5 * x", "x")) == 1
    assert "fail without any mutation" in caplog.text
