"""The page about LoRAs trained with the masks active says what its figures say, and counts them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from instance_edit.benchmarks.leak.conflicts import leak_scenes
from instance_edit.benchmarks.leak.trained_loras import DATA_SEED, figures_of, write_folder
from instance_edit.benchmarks.leak.trained_loras_report import page
from instance_edit.mask_ops.training_folder import find_samples, read_sample

SETTINGS = {"instances": 5, "samples": 200, "steps": 100, "seeds": 2, "scenes": 4}


def rows(*success: float) -> list[dict[str, float]]:
    return [{"success": value, "mae_b": 2.0} for value in success]


def outcomes(first: tuple[float, ...], second: tuple[float, ...]) -> dict[str, Any]:
    """The base at 0.5 in all scenes; two seeds trained with the bias, and without at 0.75."""
    flat = rows(*(0.75,) * 4)
    return {
        "base": rows(*(0.5,) * 4),
        "with_0": rows(*first),
        "without_0": flat,
        "with_1": rows(*second),
        "without_1": flat,
    }


def test_differences_are_taken_scene_by_scene_and_within_a_seed() -> None:
    found = figures_of(outcomes((1.0, 1.0, 1.0, 1.0), (0.0, 1.0, 0.0, 1.0)))
    assert found["with_0"]["minus base"] == {"mean": 0.5, "ci": [0.5, 0.5]}
    assert found["with_0"]["minus without"] == {"mean": 0.25, "ci": [0.25, 0.25]}
    assert found["without_1"]["minus base"]["mean"] == 0.25
    assert "minus without" not in found["without_1"] and "minus base" not in found["base"]


def test_the_page_counts_whose_interval_excludes_nothing() -> None:
    loras = figures_of(outcomes((1.0, 1.0, 1.0, 1.0), (0.0, 1.0, 0.0, 1.0)))
    text = page({"settings": SETTINGS, "loras": loras})
    assert (
        "| with *dis* | 0 | 100.0 [100.0, 100.0] | 50.0 [50.0, 50.0] | 25.0 [25.0, 25.0] |" in text
    )
    assert "| none: the base |  | 50.0 [50.0, 50.0] |  |  | 2.00 [2.00, 2.00] |" in text
    assert "0: 1 of 2 are better, 0 worse." in text
    worse = page({"settings": SETTINGS, "loras": figures_of(outcomes((0.0,) * 4, (0.0,) * 4))})
    assert worse.count("0: 0 of 2 are better, 2 worse.") == 2


def test_scenes_become_samples_that_nobody_is_judged_on(tmp_path: Path) -> None:
    scenes = leak_scenes(5, 2, DATA_SEED)
    first, second = (read_sample(one) for one in find_samples(write_folder(tmp_path, scenes)))
    assert [region.instruction for region in second.regions] == scenes[1].instructions
    for region, mask in zip(first.regions, scenes[0].masks[0], strict=True):
        assert region.mask is not None and torch.equal(region.mask, mask)
    wanted = scenes[0].wanted.movedim(1, -1)
    assert float((first.edited - wanted).abs().max()) <= 0.5 / 255 + 1e-6
    assert not torch.equal(scenes[0].picture, leak_scenes(5, 1)[0].picture)
