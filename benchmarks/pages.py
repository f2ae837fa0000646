"""The pages of results/ whose prose is by hand and whose tables come out of the JSON beside them.

    python -m tools.run benchmarks.pages

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``. A test compares every page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .decode.page import decode_tables
from .locate.page import regions_tables
from .record import RESULTS
from .speed.page import speed_tables

Tables = Mapping[str, str]
PAGES: dict[str, Callable[[Callable[[str], Any]], Tables]] = {
    "speed": speed_tables,
    "decode": decode_tables,
    "regions": regions_tables,
}
"""Per page, what makes its tables from a reader of JSON files."""
TABLE = re.compile(r"(<!-- table: (?P<name>[\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def read_figures(name: str) -> Any:
    """``results/<name>.json``."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def filled(text: str, tables: Tables) -> str:
    """The page with its tables put in.

    Raises:
        ValueError: the page has a table that is not known, or lacks one that is.
    """
    named = [match["name"] for match in TABLE.finditer(text)]
    if sorted(named) != sorted(tables):
        raise ValueError(
            f"the page needs the tables {', '.join(sorted(tables))} once each between "
            f"'<!-- table: NAME -->' and '<!-- end -->', got {', '.join(sorted(named)) or 'none'}."
        )
    return TABLE.sub(
        lambda match: f"{match[1]}\n{tables[match['name']].strip()}\n\n{match[3]}", text
    )


def fill_page(name: str) -> Path:
    """Put the figures at hand into ``results/<name>.md``."""
    page = RESULTS / f"{name}.md"
    page.write_text(filled(page.read_text(), PAGES[name](read_figures)))
    return page


def main() -> None:
    for name in PAGES:
        print(f"written to {fill_page(name)}")


if __name__ == "__main__":
    main()
