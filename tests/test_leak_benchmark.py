"""What `make bench-quality` plans, keeps and writes, without running a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instance_edit.benchmarks.leak import quality
from instance_edit.benchmarks.leak.baselines import BASELINES, Method, one_forward, unedited
from instance_edit.benchmarks.leak.report import write_report
from instance_edit.benchmarks.leak.runner import Outcome, as_rows

PACK = (
    *("mice", "mice_boxes", "mice_exact", "mice_tau8_exact"),
    *("idattn_har_dis_har", "idattn_har_har_har", "idattn_har_dis_har_exact"),
)
METHODS = {**BASELINES, **dict.fromkeys(PACK, Method(unedited, one_forward))}
JOBS = [(method, count) for method in METHODS for count in quality.instances_of(method)]


def finish(folder: Path, job: tuple[str, int], success: float) -> None:
    outcomes = [Outcome(success, 0.1, 1.0, 1.0, 3.0, 0.9, 0.2)] * 4
    quality.result_path(folder, job).write_text(json.dumps(as_rows(outcomes)))


def test_every_method_meets_conflicts_and_the_main_ones_every_number_of_instances() -> None:
    for method in METHODS:
        assert {3, 6, 9} <= set(quality.instances_of(method))
    for method in ("text_location", "turns", "multidiffusion", "mice_boxes", "idattn_har_dis_har"):
        assert sorted(quality.instances_of(method)) == list(range(2, 10))
    assert sorted(quality.instances_of("vanilla")) == list(range(1, 10))


def test_finished_results_are_not_run_again_and_the_most_telling_come_first(
    tmp_path: Path,
) -> None:
    finish(tmp_path, ("mice", 3), 1.0)
    missing = quality.missing_jobs(JOBS, tmp_path)
    assert set(missing) == set(JOBS) - {("mice", 3)}
    place = {job: index for index, job in enumerate(missing)}
    assert place["idattn_har_har_har", 3] < place["turns", 9] < place["mice", 2]
    assert place["mice", 7] < place["turns", 2] and place["mice", 7] < place["mice_exact", 9]


def test_results_are_kept_apart_by_weights_and_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quality, "WEIGHTS", tmp_path)
    (tmp_path / "demo.safetensors").write_bytes(b"one")
    first = quality.cache_folder(4, 100)
    assert first == quality.cache_folder(4, 100) != quality.cache_folder(8, 100)
    (tmp_path / "demo.safetensors").write_bytes(b"two")
    assert quality.cache_folder(4, 100) != first


def test_the_report_holds_what_is_finished(tmp_path: Path) -> None:
    finish(tmp_path, ("mice", 3), 0.75)
    finish(tmp_path, ("vanilla", 3), 0.25)
    finish(tmp_path, ("vanilla", 2), 0.5)
    write_report(quality.collect(JOBS, tmp_path, METHODS), tmp_path / "out", steps=4)
    table = json.loads((tmp_path / "out" / "quality.json").read_text())
    assert {method: list(cells) for method, cells in table.items()} == {
        "vanilla": ["2", "3"],
        "mice": ["3"],
    }
    cell = table["mice"]["3"]
    assert (cell["success"], cell["leak"], cell["mae_b"]) == (0.75, 0.1, 3.0)
    assert cell["ci"]["success"] == [0.75, 0.75]
    text = (tmp_path / "out" / "quality_table.md").read_text()
    assert "| mice | 75 [75, 75] | 10 [10, 10] |" in text
    assert "4 Euler steps" in text and "## N = 2" in text
    assert (tmp_path / "out" / "quality_curves.png").stat().st_size > 1000
