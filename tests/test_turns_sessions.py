"""The sessions of the drift benchmark, and how their rounds are judged."""

from __future__ import annotations

import math

import pytest
import torch

from instance_edit.benchmarks.turns_report import markdown
from instance_edit.benchmarks.turns_sessions import editing_sessions, judge_round, psnr
from instance_edit.demo.scenes import apply_edits, render

SESSIONS = editing_sessions(3, 8)


def test_every_round_edits_another_object_and_names_its_place() -> None:
    for session in SESSIONS:
        assert len(set(session.cells)) == 8
        for number, (clause, cell) in enumerate(zip(session.clauses, session.cells, strict=True)):
            assert clause.location == cell
            edited = session.edits(number + 1, number).shape[0] >= 0
            assert edited.nonzero().flatten().tolist() == [cell]


def test_sessions_are_always_the_same() -> None:
    again = editing_sessions(3, 8)
    assert [s.clauses for s in again] == [s.clauses for s in SESSIONS]
    assert all(torch.equal(a.picture, b.picture) for a, b in zip(again, SESSIONS, strict=True))


def test_the_background_meets_no_edited_object_before_or_after() -> None:
    for session in SESSIONS:
        final = apply_edits(session.scene, session.edits(8))
        change = (render(final) - render(session.scene)).abs().amax(1)
        assert float((change * session.background).max()) == 0
        assert float((session.masks.amax(0) * session.background).max()) == 0
        assert 0.1 < float(session.background.float().mean()) < 0.9


def test_a_perfect_session_succeeds_without_drift() -> None:
    for rounds in (1, 4, 8):
        wanted = torch.cat([render(apply_edits(s.scene, s.edits(rounds))) for s in SESSIONS])
        judged = judge_round(SESSIONS, wanted, rounds)
        assert (judged.success, judged.held, judged.drift) == (1.0, 1.0, 0.0)


def test_a_lost_edit_is_not_held_and_a_shifted_colour_is_drift() -> None:
    last_alone = torch.cat([render(apply_edits(s.scene, s.edits(4, 3))) for s in SESSIONS])
    judged = judge_round(SESSIONS, last_alone + 2 / 255, 4)
    assert judged.success == 1.0
    assert judged.held == pytest.approx(0.25)
    assert judged.drift == pytest.approx(2.0, abs=1e-3)


def test_nothing_edited_is_no_success() -> None:
    source = torch.cat([render(session.scene) for session in SESSIONS])
    assert judge_round(SESSIONS, source, 8).held == 0.0


def test_psnr_is_the_mean_over_pictures() -> None:
    first = torch.zeros(2, 3, 4, 4)
    second = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 0.01)])
    assert psnr(first, second) == pytest.approx((20 + 40) / 2)
    assert math.isfinite(psnr(first, first))


def test_the_report_has_a_line_per_method() -> None:
    rounds = {str(k): 0.5 for k in range(1, 9)}
    cell = {"drift": rounds, "success": rounds, "held": rounds, "seconds": 1.0}
    sweeps = {name: {"0.3": cell} for name in ("lambda", "eta", "lqr_steps")}
    tables = {
        "editing": {"naive": cell, "dual": cell},
        "reconstruction": {"dual": {"psnr": rounds}},
        **sweeps,
    }
    about = {"date": "today", "torch": "2", "sessions": 3, "steps": 8, "vae_floor": 1.7}
    text = markdown(tables, about)
    assert text.count("| naive |") == 1 and text.count("| dual |") == 2
    assert text.count("| 0.3 | 0.50 | 0.50 | 0.50 |") == 3
