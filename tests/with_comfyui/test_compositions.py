"""Instance attention beside everything else: every patch, order, family and method."""

from __future__ import annotations

import re
from itertools import product

import pytest
import torch

from instance_edit.tests.with_comfyui.composed import METHODS, Case
from instance_edit.tests.with_comfyui.compositions import PATCHES
from instance_edit.tools.load_pack import ROOT

FAMILIES = ("flux1", "flux2")
CELLS = [
    (name, order, family, method)
    for (name, patch), family, method in product(PATCHES.items(), FAMILIES, METHODS)
    for order in patch.orders
]
LOCAL = "IDAttn dis"
"""The method under which an instance cannot notice another's words at all."""


def cells(*verdicts: str, method: str | None = None) -> pytest.MarkDecorator:
    found = [
        (name, order, family, by)
        for name, order, family, by in CELLS
        if PATCHES[name].verdict(family) in verdicts and method in (None, by)
    ]
    return pytest.mark.parametrize(("name", "order", "family", "method"), found)


@pytest.fixture
def case(request, pack_nodes, family, method):
    return Case(pack_nodes, request.getfixturevalue(family), method)


@cells("right", "whole picture")
def test_it_acts_as_in_the_other_order(case, name, order) -> None:
    patch = PATCHES[name]
    found = case.run(patch, order)
    if order == "after":
        assert torch.equal(found, case.run(patch, "before"))
        return
    assert bool(found.isfinite().all())
    assert float((found - case.run(patch, "alone")).abs().max()) > 1e-3


@cells("right", method=LOCAL)
def test_an_instance_does_not_notice_anothers_words(case, name, order) -> None:
    assert case.leak(PATCHES[name], order) == 0.0


@cells("whole picture", method=LOCAL)
def test_what_mixes_the_whole_picture_is_measured(case, name, order, family, capsys) -> None:
    patch = PATCHES[name]
    if patch.one_step:
        assert case.leak(patch, order, steps=1) == 0.0
    with capsys.disabled():
        print(f"\n{family}, {name} {order}: {case.leak(patch, order, 3):.2g} after three steps")


@cells("refused")
def test_what_cannot_work_is_refused(case, name, order) -> None:
    with pytest.raises(ValueError, match=PATCHES[name].message):
        case.run(PATCHES[name], order)


@cells("not in core")
def test_core_itself_cannot_do_it(case, name, order) -> None:
    """Without our patch either; the cell is filled as soon as a core can."""
    with pytest.raises((RuntimeError, AttributeError, TypeError, IndexError, KeyError)):
        case.run(PATCHES[name], "alone")


def test_no_cell_is_missing() -> None:
    assert len(CELLS) == len(set(CELLS))
    assert {(name, family, method) for name, _, family, method in CELLS} == set(
        product(PATCHES, FAMILIES, METHODS)
    )


def readme_rows() -> dict[str, str]:
    """What README's table *Beside other nodes* says of each that it names, up to the reasons."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, section = readme.split("## Beside other nodes\n")
    table = section.split("|---|---|\n")[1].partition("\n\n")[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()]
    names = [(name, said) for names, said in rows for name in re.split(r", (?![^(]*\))", names)]
    assert len(names) == len(dict(names))
    return {name: said.partition(":")[0] for name, said in names}


def test_the_readme_says_of_each_what_was_seen() -> None:
    seen = {name + patch.only: patch.said for name, patch in PATCHES.items() if name != "nothing"}
    assert readme_rows() == seen
