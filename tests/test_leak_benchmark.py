"""What `make bench-quality` plans, keeps and writes, without running a model."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from instance_edit.benchmarks import cache
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


def test_finished_results_are_not_run_again(tmp_path: Path) -> None:
    finish(tmp_path, ("mice", 3), 1.0)
    missing = quality.missing_jobs(JOBS, tmp_path)
    assert len(missing) == len(JOBS) - 1 and set(missing) == set(JOBS) - {("mice", 3)}


def test_a_run_that_is_cut_short_has_compared_all_methods_before_it_sweeps(tmp_path: Path) -> None:
    missing = quality.missing_jobs(JOBS, tmp_path)
    first = missing[: len(METHODS) + len(quality.SINGLE)]
    assert {method for method, instances in first if instances == 3} == set(METHODS)
    assert {method for method, instances in first if instances == 1} == quality.SINGLE
    for job in first:
        finish(tmp_path, job, 0.5)
    write_report(quality.collect(JOBS, tmp_path, METHODS), tmp_path / "out", steps=4)
    table = json.loads((tmp_path / "out" / "quality.json").read_text())
    assert table.keys() == set(METHODS) and all("3" in cells for cells in table.values())


def test_the_scenes_of_one_number_of_instances_are_encoded_once_per_stage(tmp_path: Path) -> None:
    missing = quality.missing_jobs(JOBS, tmp_path)
    runs = [instances for instances, _ in groupby(instances for _, instances in missing)]
    stages = {quality.urgency(job)[0] for job in JOBS}
    assert max(runs.count(instances) for instances in runs) <= len(stages)


def test_results_are_kept_apart_by_weights_and_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "demo.safetensors"
    monkeypatch.setattr(cache, "WEIGHTS", weights)
    weights.write_bytes(b"one")
    first = quality.results_folder(4, 100)
    assert first == quality.results_folder(4, 100) != quality.results_folder(8, 100)
    weights.write_bytes(b"two")
    assert quality.results_folder(4, 100) != first


def test_results_are_kept_apart_by_the_code_that_edits_and_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("demo", "evaluation", "benchmarks", "benchmarks/leak"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").write_text("one")
    monkeypatch.setattr(cache, "ROOT", tmp_path)
    found = {quality.results_folder(4, 100)}
    for folder in ("demo", "benchmarks/leak"):
        (tmp_path / folder / "code.py").write_text("two")
        found.add(quality.results_folder(4, 100))
    assert len(found) == 3


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
