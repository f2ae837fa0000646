"""Many turns on the demo model: edits take, stay, and leave the rest alone."""

from __future__ import annotations

import logging

import pytest

from instance_edit.benchmarks.in_process import demo_studio
from instance_edit.benchmarks.studio import Studio
from instance_edit.benchmarks.turns.rounds import LQR, lqr_rounds, naive
from instance_edit.benchmarks.turns.sessions import editing_sessions
from instance_edit.benchmarks.turns.turns import edit_in_rounds, reconstruct

log = logging.getLogger(__name__)
SESSIONS = editing_sessions(1, 8)


@pytest.fixture(scope="module")
def studio() -> Studio:
    return demo_studio(steps=8)


def test_inverting_and_sampling_without_an_edit_returns_the_picture(studio: Studio) -> None:
    ratios = reconstruct(studio, lqr_rounds(LQR(eta=0.0, gamma=0.0, tolerance=0.0)), SESSIONS)[
        "psnr"
    ]
    log.info("PSNR after 1, 2, 4 and 8 times there and back: %s", ratios)
    assert ratios["1"] > 40 and ratios["8"] > 30


@pytest.mark.parametrize("settings", [LQR(), LQR(mask="located", tolerance=0.0)])
def test_eight_rounds_edit_their_objects_and_hardly_drift(studio: Studio, settings: LQR) -> None:
    chained = edit_in_rounds(studio, naive, SESSIONS)
    kept = edit_in_rounds(studio, lqr_rounds(settings), SESSIONS)
    log.info("drift: naive %s, %s %s", chained["drift"], settings, kept["drift"])
    assert kept["drift"]["8"] < 0.25 * chained["drift"]["8"]
    assert sum(kept["success"].values()) >= 7
    assert kept["held"]["8"] >= 0.75
