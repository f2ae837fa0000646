"""What `make papers` asks for, and where its results are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from instance_edit.benchmarks.papers import command
from instance_edit.benchmarks.papers.command import prepare
from instance_edit.demo.scenes import CANVAS
from instance_edit.tests.test_papers_loaders import write_pie
from instance_edit.tools.fleet.store import FleetError, open_store

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
    write_pie(tmp_path)
    asked = {key: value.format(here=tmp_path) for key, value in FREE.items()}
    open_store(tmp_path / "out", prepare(asked).identity)
    monkeypatch.setattr(command, "CODE", command.CODE[1:])
    with pytest.raises(FleetError, match=r"other settings \(code differ\)"):
        open_store(tmp_path / "out", prepare(asked).identity)
