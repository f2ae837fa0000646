"""Every figure on a page of results/ comes out of the JSON beside it."""

from __future__ import annotations

from typing import Any

import pytest

from instance_edit.benchmarks.grid import grid, numbers
from instance_edit.benchmarks.leak import (
    ablation,
    instance_loras_report,
    report,
    trained_loras_report,
)
from instance_edit.benchmarks.locate import focus
from instance_edit.benchmarks.pages import PAGES, filled, read_figures
from instance_edit.benchmarks.record import RESULTS
from instance_edit.tools.load_pack import ROOT

WRITTEN: dict[str, tuple[Any, ...]] = {
    "quality": (report.page,),
    "ablation": (ablation.page,),
    "foi_focus": (focus.page,),
    "instance_loras": (instance_loras_report.page, "instance_loras_cpu"),
    "trained_loras": (trained_loras_report.page,),
}
"""Per page, what writes it, and what it reads beside the JSON of its own name."""
IN_README = {
    ("vanilla", "one prompt that lists all"): "1",
    ("text_location", "the same with places in words"): "1",
    ("turns", "one edit after the other"): "N",
    ("turns_places", "the same with places in words"): "N",
    ("mice", "MICE"): "1",
    ("idattn_har_dis_har", "IDAttn (har, dis, har)"): "1",
}
"""Passes per step of (method, its row)."""


@pytest.mark.parametrize("name", PAGES)
def test_the_tables_of_a_page_written_by_hand_are_those_of_its_figures(name: str) -> None:
    text = (RESULTS / f"{name}.md").read_text(encoding="utf-8")
    assert filled(text, PAGES[name](read_figures)) == text


@pytest.mark.parametrize("name", WRITTEN)
def test_a_page_that_a_benchmark_writes_is_that_of_its_figures(name: str) -> None:
    page, *more = WRITTEN[name]
    written = (RESULTS / f"{name}.md").read_text(encoding="utf-8")
    assert page(*map(read_figures, (name, *more))) == written


def test_the_readme_gives_the_success_and_leakage_that_were_measured() -> None:
    readme, measured = (ROOT / "README.md").read_text(encoding="utf-8"), read_figures("quality")
    for (method, label), passes in IN_README.items():
        cells = [measured[method][name] for name in ("1", "3", "5", "9")]
        shown = [f"{100 * cell['success']:.0f} ({100 * cell['leak']:.0f})" for cell in cells]
        assert f"| {label} | {' | '.join(shown)} | {passes} |" in readme


def test_a_page_must_have_every_table_once_and_no_other() -> None:
    page = "# Page\n<!-- table: one -->\nold\n<!-- end -->\nprose\n"
    assert filled(page, {"one": "| new |"}) == (
        "# Page\n<!-- table: one -->\n\n| new |\n\n<!-- end -->\nprose\n"
    )
    with pytest.raises(ValueError, match="needs the tables one, two .*, got one"):
        filled(page, {"one": "", "two": ""})
    with pytest.raises(ValueError, match="needs the tables two .*, got one"):
        filled(page, {"two": ""})


def test_a_grid_leaves_what_is_missing_empty() -> None:
    table = grid("time", {"ours": numbers({"1": 0.984, "8": 1})}, {"1": "N = 1", "8": "N = 8"})
    assert table == "| time | N = 1 | N = 8 |\n|---|---|---|\n| ours | 0.98 | 1.00 |"
    assert grid("", {"ours": {}}, {"1": "N = 1"}).endswith("| ours |  |")
