"""What `make papers` asks for, and the table that comes of its rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instance_edit.benchmarks.papers import command
from instance_edit.benchmarks.papers.command import prepare
from instance_edit.benchmarks.papers.report import in_words, summary, write_report
from instance_edit.demo.scenes import CANVAS
from instance_edit.tests.test_papers_loaders import write_pie
from instance_edit.tools.fleet.store import FleetError

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


FREE = {"BENCH": "pie", "DATA": "{here}", "METRICS": "mae_b"}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "BENCH must be one of lomoe, mice, infoedit, crello, pie, got ''"),
        ({"BENCH": "pie"}, r"DATA=\.\. is missing"),
        ({**FREE, "METRICS": "mae_b,elo"}, "METRICS must be some of tgt_clip, .*fid, got elo"),
        ({**FREE, "METRICS": "fid"}, r"fid need weights .*weights-inception-2015-12-05"),
        ({**FREE, "LIMIT": "0"}, "LIMIT must be a whole number from 1, got '0'"),
        ({**FREE, "LPIPS_NET": "x"}, "LPIPS_NET must be alex or squeeze, got 'x'"),
        ({**FREE, "DATA": "{here}/none"}, "the folder of PIE-Bench must hold mapping_file.json"),
    ],
)
def test_a_command_that_cannot_be_carried_out_is_one_sentence(
    asked: dict[str, str], message: str, tmp_path: Path
) -> None:
    write_pie(tmp_path)
    given = {key: value.format(here=tmp_path) for key, value in asked.items()}
    with pytest.raises(ValueError, match=message):
        prepare({**given, "WEIGHTS": str(tmp_path)})


def test_results_are_kept_apart_by_settings_and_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pie(tmp_path)
    asked = {key: value.format(here=tmp_path) for key, value in FREE.items()}
    run = prepare(asked)
    assert run.settings["area"] == CANVAS**2 and list(run.items) == ["000000000000"]
    assert prepare({**asked, "UNET": "flux"}).settings["area"] == 1024 * 1024
    assert prepare({**asked, "METHODS": "mice,iid"}).folder == run.folder
    for other in ({"SEED": "1"}, {"STEPS": "9"}, {"METRICS": "ar"}, {"GUIDANCE": "4"}):
        assert prepare({**asked, **other}).folder != run.folder, other
    assert prepare({**asked, "OUT": str(tmp_path / "out")}).folder == tmp_path / "out"
    monkeypatch.setattr(command, "CODE", command.CODE[1:])
    assert prepare(asked).folder != run.folder


def test_rows_of_other_code_are_not_mixed_into_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from instance_edit.tools.fleet.store import open_store

    write_pie(tmp_path)
    asked = {key: value.format(here=tmp_path) for key, value in FREE.items()}
    open_store(tmp_path / "out", prepare(asked).identity)
    monkeypatch.setattr(command, "CODE", command.CODE[1:])
    with pytest.raises(FleetError, match=r"other settings \(code differ\)"):
        open_store(tmp_path / "out", prepare(asked).identity)
