"""The runner on methods whose outcome is known, with an identity for a VAE."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from instance_edit.benchmarks.leak.baselines import BASELINES, Method
from instance_edit.benchmarks.leak.conflicts import LeakScene, leak_scenes
from instance_edit.benchmarks.leak.runner import Outcome, as_rows, edit_task, run_method
from instance_edit.benchmarks.studio import EditTask, Latent, Studio
from instance_edit.benchmarks.summary import METRICS, bootstrap_interval, summarise
from instance_edit.demo.scenes import Edits, apply_edits, render
from instance_edit.tests.identity_studio import STUDIO


def oracle(scenes: list[LeakScene], edits: list[Edits]) -> Method:
    """A method that knows the answer: scene ``task.seed`` becomes what its edits say."""

    def edit(studio: Studio, task: EditTask) -> Latent:
        made = apply_edits(scenes[task.seed].scenes, edits[task.seed])
        return {"samples": render(made)}

    return Method(edit, lambda instances: 1)


def outcomes_of(method: Method, scenes: list[LeakScene]) -> list[Outcome]:
    tasks = [edit_task(STUDIO, scene, seed) for seed, scene in enumerate(scenes)]
    return run_method(STUDIO, method, scenes, tasks)


def first_for_all(scene: LeakScene) -> Edits:
    """Every instance becomes what the first one should."""
    asked, first = scene.edits.shape >= 0, scene.cells[0]
    return Edits(
        torch.where(asked, scene.edits.shape[0, first], -1),
        torch.where(asked, scene.edits.colour[0, first], -1),
    )


@pytest.mark.parametrize("instances", [2, 3, 8])
def test_an_oracle_is_perfect_and_one_target_for_all_is_leakage(instances: int) -> None:
    scenes = leak_scenes(instances, 12)
    for outcome in outcomes_of(oracle(scenes, [scene.edits for scene in scenes]), scenes):
        assert (outcome.success, outcome.leak, outcome.untouched, outcome.changed) == (1, 0, 1, 1)
        assert outcome.mae_b == 0 and outcome.ssim_b == pytest.approx(1, abs=1e-5)
    for outcome in outcomes_of(oracle(scenes, [first_for_all(s) for s in scenes]), scenes):
        assert outcome.success == pytest.approx(1 / instances)
        assert outcome.leak == pytest.approx((instances - 1) / instances)
        assert outcome.untouched == 1


def test_doing_nothing_succeeds_nowhere_and_touches_nothing() -> None:
    scenes = leak_scenes(3, 3)
    for outcome in outcomes_of(BASELINES["unedited"], scenes):
        assert (outcome.success, outcome.leak, outcome.untouched, outcome.changed) == (0, 0, 1, 0)
        assert outcome.mae_b == 0


def test_a_method_that_touches_a_bystander_is_found_out() -> None:
    (scene,) = leak_scenes(3, 1)
    bystander = int(((scene.scenes.shape >= 0) & (scene.edits.shape < 0))[0].nonzero()[0])
    edits = Edits(scene.edits.shape.clone(), scene.edits.colour.clone())
    edits.shape[0, bystander] = (int(scene.scenes.shape[0, bystander]) + 1) % 6
    edits.colour[0, bystander] = int(scene.scenes.colour[0, bystander])
    (outcome,) = outcomes_of(oracle([scene], [edits]), [scene])
    assert outcome.success == 1
    assert outcome.untouched == pytest.approx(5 / 6)
    assert outcome.mae_b > 0


def test_the_interval_agrees_with_the_normal_one_and_is_always_the_same() -> None:
    values = [float(number % 10 < 3) for number in range(400)]
    low, high = bootstrap_interval(values)
    spread = 1.96 * math.sqrt(0.3 * 0.7 / 400)
    assert low == pytest.approx(0.3 - spread, abs=0.006)
    assert high == pytest.approx(0.3 + spread, abs=0.006)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval([1.0] * 50) == (1.0, 1.0)
    with pytest.raises(ValueError, match="at least one value"):
        bootstrap_interval([])


def test_a_summary_holds_means_and_intervals_and_leaves_out_what_does_not_exist() -> None:
    outcome = Outcome(0.5, 0.25, math.nan, 1.0, 4.0, 0.9, 0.2)
    rows = as_rows([outcome, replace(outcome, success=1.0, seconds=0.4), outcome])
    cell = summarise(rows, forwards=4)
    assert cell["success"] == pytest.approx(2 / 3, abs=1e-4)
    assert (cell["leak"], cell["mae_b"], cell["scenes"]) == (0.25, 4.0, 3)
    assert (cell["forwards_per_step"], cell["seconds"]) == (4, 0.2)
    assert cell["untouched"] is None
    intervals = cell["ci"]
    assert isinstance(intervals, dict) and set(intervals) == set(METRICS)
    assert intervals["untouched"] is None and intervals["leak"] == [0.25, 0.25]


def test_every_baseline_costs_the_predictions_that_it_states() -> None:
    costs = {name: method.forwards(5) for name, method in BASELINES.items()}
    assert costs == {
        "unedited": 0,
        "vanilla": 1,
        "text_location": 1,
        "turns": 5,
        "turns_places": 5,
        "multidiffusion": 6,
    }
