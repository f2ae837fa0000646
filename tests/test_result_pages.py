"""Every figure on a page of results/ comes out of the JSON beside it."""

from __future__ import annotations

import pytest

from instance_edit.benchmarks.grid import grid, numbers
from instance_edit.benchmarks.leak.report import page as quality_page
from instance_edit.benchmarks.pages import PAGES, filled, read_figures
from instance_edit.benchmarks.record import RESULTS


@pytest.mark.parametrize("name", PAGES)
def test_the_tables_of_a_page_written_by_hand_are_those_of_its_figures(name: str) -> None:
    text = (RESULTS / f"{name}.md").read_text(encoding="utf-8")
    assert filled(text, PAGES[name](read_figures)) == text


def test_the_quality_page_is_that_of_its_figures() -> None:
    assert quality_page(read_figures("quality")) == (RESULTS / "quality.md").read_text("utf-8")


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
