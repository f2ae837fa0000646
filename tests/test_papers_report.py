"""The table that comes of the rows of `make papers`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from instance_edit.benchmarks.papers.report import in_words, summary, write_report

ROWS: list[dict[str, Any]] = [
    {"method": "mice", "ar": 1.0, "mae_b": 2.0},
    {"method": "mice", "ar": 0.5, "mae_b": None},
    {"method": "mice", "error": "it is broken."},
    {"method": "vanilla", "ar": 0.0, "mae_b": 8.0},
]
ABOUT = {"model": "the miniature", "steps": 4, "measured with": {"clip": "0123456789ab"}}


def test_a_mean_is_of_the_pictures_that_have_the_figure_and_failures_are_counted() -> None:
    methods = summary(ROWS, ["ar", "mae_b", "cer", "fid"], {"mice": 12.0, "vanilla": None})
    mice = methods["mice"]
    assert (mice["pictures"], mice["failed"]) == (2, 1)
    assert mice["figures"]["ar"] == {"value": 0.75, "ci": [0.5, 1.0], "of": 2}
    assert mice["figures"]["mae_b"] == {"value": 2.0, "ci": [2.0, 2.0], "of": 1}
    assert mice["figures"]["cer"] is None and mice["figures"]["fid"] == {"value": 12.0}
    assert methods["vanilla"]["figures"]["fid"] == {"value": None}


def test_every_figure_of_the_page_comes_out_of_the_json(tmp_path: Path) -> None:
    methods = summary(ROWS, ["ar", "mae_b", "fid"], {"mice": 12.0, "vanilla": None})
    write_report(tmp_path, "LoMOE-Bench", ABOUT, methods)
    written = json.loads((tmp_path / "report.json").read_text())
    page = (tmp_path / "report.md").read_text()
    assert page == in_words(written)
    assert "| mice | 2 (1 failed) | 0.750 [0.500, 1.000] | 2.000 [2.000, 2.000] | 12.00 |" in page
    assert "| vanilla | 1 | 0.000 [0.000, 0.000] | 8.000 [8.000, 8.000] | - |" in page
    assert "Edited by the miniature, 4 steps." in page and "clip 0123456789ab" in page
    written["methods"]["mice"]["figures"]["ar"]["value"] = 0.25
    assert "| 0.250 [" in in_words(written)
