"""What `make bench-quality` plans, keeps and writes, without running a model."""

from __future__ import annotations

import argparse
import json
from itertools import groupby
from pathlib import Path

import pytest

from instance_edit.benchmarks import cache
from instance_edit.benchmarks.leak import jobs, quality
from instance_edit.benchmarks.leak.baselines import BASELINES, Method, one_forward, unedited
from instance_edit.benchmarks.leak.crowd_runner import CrowdOutcome
from instance_edit.benchmarks.leak.crowds import REPORTED, SETS, instances_in
from instance_edit.benchmarks.leak.report import page, write_report
from instance_edit.benchmarks.leak.runner import as_rows
from instance_edit.benchmarks.leak.targets import TARGETS, targets_table

PACK = (
    *("mice", "mice_boxes", "mice_exact", "mice_tau8_exact"),
    *("idattn_har_dis_har", "idattn_har_har_dis", "idattn_har_dis_har_exact"),
)
METHODS = {**BASELINES, **dict.fromkeys(PACK, Method(unedited, one_forward))}
JOBS = [(method, name) for method in METHODS for name in jobs.sets_of(method)]
SETTINGS = {"steps": 4, "scenes": 4, "seeds": "report"}
WEIGHTS = cache.WEIGHTS


def rows(success: float) -> list[dict[str, float]]:
    return as_rows([CrowdOutcome(success, 0.1, 1.0, 1.0, 3.0, 0.9, 0.2, 8.0)] * 4)


def finish(folder: Path, job: jobs.Job, success: float = 0.5) -> None:
    jobs.result_path(folder, job).write_text(json.dumps(rows(success)))


def settings(**changes: object) -> argparse.Namespace:
    return argparse.Namespace(**{**SETTINGS, "weights": WEIGHTS, **changes})


def test_what_is_compared_meets_every_set_and_what_is_expensive_a_few() -> None:
    for method in ("vanilla", "text_location", "mice", "mice_boxes", "idattn_har_dis_har"):
        assert jobs.sets_of(method) == REPORTED
    assert {"1", "3", "5", "9"} <= set(jobs.sets_of("turns_places"))
    assert "nested 4" not in jobs.sets_of("multidiffusion")
    assert jobs.sets_of("mice_exact") == ("3", "9", "touching 4")
    assert jobs.sets_of("idattn_har_har_dis") == ("5", "touching 4")
    assert instances_in("many 14") == 14


def test_each_n_has_all_scenes_and_the_other_sets_half_of_them() -> None:
    assert [jobs.scenes_of(name, 100) for name in ("1", "9", "touching 4", "many 12")] == [
        *(100, 100, 50, 50)
    ]
    assert jobs.scenes_of("nested 4", 1) == 1
    job, half = ("turns", "9"), ("turns", "touching 4")
    assert jobs.cost_of(job, METHODS) == 2 + 9 and jobs.cost_of(half, METHODS) == (2 + 4) / 2


def test_finished_results_are_not_run_again(tmp_path: Path) -> None:
    finish(tmp_path, ("mice", "3"))
    missing = jobs.missing_jobs(JOBS, tmp_path)
    assert len(missing) == len(JOBS) - 1 and set(missing) == set(JOBS) - {("mice", "3")}


def test_the_scenes_of_a_set_are_encoded_once_by_each_worker(tmp_path: Path) -> None:
    missing = jobs.missing_jobs(JOBS, tmp_path)
    for part in jobs.shared_out(missing, METHODS, 2):
        runs = [name for name, _ in groupby(name for _, name in part)]
        assert len(runs) == len(set(runs))


def test_the_workers_share_all_work_about_equally() -> None:
    parts = jobs.shared_out(jobs.in_order(JOBS), METHODS, 2)
    loads = [sum(jobs.cost_of(job, METHODS) for job in part) for part in parts]
    assert sorted(job for part in parts for job in part) == sorted(JOBS)
    assert max(loads) < 1.1 * min(loads)
    assert jobs.shared_out(JOBS[:1], METHODS, 2) == [JOBS[:1]]


def test_results_are_kept_apart_by_weights_settings_and_seeds(tmp_path: Path) -> None:
    weights = tmp_path / "demo.safetensors"
    weights.write_bytes(b"one")
    first = quality.results_folder(settings(weights=weights))
    assert first == quality.results_folder(settings(weights=weights))
    assert first != quality.results_folder(settings(weights=weights, steps=8))
    assert first != quality.results_folder(settings(weights=weights, seeds="choosing"))
    weights.write_bytes(b"two")
    assert first != quality.results_folder(settings(weights=weights))


CODE = ("demo/crowd", "evaluation", "benchmarks/leak", "attention/execute", "host/families")


def test_results_are_kept_apart_by_the_code_that_edits_and_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (*cache.JUDGES, *cache.EDITORS, *CODE):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "code.py").write_text("one")
    monkeypatch.setattr(cache, "ROOT", tmp_path)
    found = {quality.results_folder(settings())}
    for folder in CODE:
        (tmp_path / folder / "code.py").write_text("two")
        found.add(quality.results_folder(settings()))
    assert len(found) == len(CODE) + 1


def test_no_room_that_edits_is_left_out_of_the_key() -> None:
    rooms = {room.split("/")[0] for room in cache.EDITORS}
    with_code = {
        str(path.parent.relative_to(cache.ROOT))
        for room in rooms
        for path in (cache.ROOT / room).rglob("*.py")
    }
    assert with_code == set(cache.EDITORS)


def test_the_report_holds_what_is_finished(tmp_path: Path) -> None:
    for job, success in ((("mice", "3"), 0.75), (("vanilla", "3"), 0.25), (("vanilla", "1"), 1.0)):
        finish(tmp_path, job, success)
    results = jobs.finished(JOBS, tmp_path)
    write_report(jobs.tabulate(results, METHODS), results, SETTINGS, tmp_path)
    figures = json.loads((tmp_path / "quality.json").read_text())
    assert {method: list(figures[method]) for method in ("vanilla", "mice")} == {
        "vanilla": ["1", "3"],
        "mice": ["3"],
    }
    cell = figures["mice"]["3"]
    assert (cell["success"], cell["leak"], cell["mae_b"], cell["seam"]) == (0.75, 0.1, 3.0, 8.0)
    assert cell["ci"]["success"] == [0.75, 0.75]
    text = (tmp_path / "quality.md").read_text()
    assert "| mice | 75 [75, 75] | 10 [10, 10] |" in text
    assert "4 Euler steps" in text and "## N = 3" in text and "## N = 5" not in text
    assert (tmp_path / "quality_curves.png").stat().st_size > 1000


def test_the_report_compares_what_was_published_scene_by_scene(tmp_path: Path) -> None:
    results = {("mice", "5"): rows(1.0), ("text_location", "5"): rows(0.25)}
    write_report(jobs.tabulate(results, METHODS), results, SETTINGS, tmp_path)
    figures = json.loads((tmp_path / "quality.json").read_text())
    (order,) = figures["orders"]
    assert order["claim"] == "a bias beats a list with places"
    assert (order["difference"], order["ci"], order["verdict"]) == (0.75, [0.75, 0.75], "holds")
    assert "| mice | text_location | 0.750 [0.750, 0.750] | holds |" in page(figures)


def test_a_target_is_met_only_within_its_bounds() -> None:
    table = jobs.tabulate({("mice", "5"): rows(0.97), ("text_location", "5"): rows(0.2)}, METHODS)
    text = targets_table(table)
    assert (
        "| MICE succeeds (mice) | 5 | success | at least 98% | 97.0% [97.0%, 97.0%] | no |" in text
    )
    assert "| 5 | success | at most 20% | 20.0% [20.0%, 20.0%] | yes |" in text
    assert (
        "| MICE does not leak (mice) | 5 | leak | at most 1% | 10.0% [10.0%, 10.0%] | no |" in text
    )


def test_every_target_names_a_set_that_its_method_meets() -> None:
    for target in TARGETS:
        assert target.name in jobs.sets_of(target.method) and target.name in SETS
