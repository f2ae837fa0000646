"""The sessions of the drift benchmark, and how their rounds are judged."""

from __future__ import annotations

import json
import math

import pytest
import torch

from instance_edit.benchmarks.turns.report import SWEEPS, markdown, read_tables, target_line
from instance_edit.benchmarks.turns.sessions import (
    Judgement,
    editing_sessions,
    judge_round,
    psnr,
)
from instance_edit.demo.scenes import apply_edits, cell_masks, render, render_background
from instance_edit.tools.load_pack import ROOT

SESSIONS = editing_sessions(3, 8)


UNEDITED = torch.cat([render(session.scene) for session in SESSIONS])


def after(start: int, stop: int) -> torch.Tensor:
    """A perfect result of some rounds alone."""
    return torch.cat([render(apply_edits(s.scene, s.edits(stop, start))) for s in SESSIONS])


def test_four_objects_are_edited_in_turn_each_named_by_place_and_present_shape() -> None:
    for session in SESSIONS:
        assert session.cells[:4] == session.cells[4:] and len(set(session.cells)) == 4
        shapes = session.scene.shape[0].tolist()
        for clause, cell in zip(session.clauses, session.cells, strict=True):
            assert (clause.location, clause.shape) == (cell, shapes[cell])
            shapes[cell] = clause.target_shape
        assert session.edits(8).shape[0, list(session.cells)].tolist() == [
            shapes[cell] for cell in session.cells
        ]


def test_sessions_are_always_the_same() -> None:
    again = editing_sessions(3, 8)
    assert [s.clauses for s in again] == [s.clauses for s in SESSIONS]
    assert all(torch.equal(a.picture, b.picture) for a, b in zip(again, SESSIONS, strict=True))


def test_the_background_keeps_away_from_every_edited_cell() -> None:
    for session in SESSIONS:
        edited = cell_masks()[list(session.cells)].any(0)
        assert not (edited & session.background[0]).any()
        assert 0.2 < float(session.background.float().mean()) < 5 / 9
        for number in range(8):
            assert float((session.mask(number) * session.background).max()) == 0


def test_the_painted_mask_holds_the_object_as_it_is_in_that_round() -> None:
    for session in SESSIONS:
        for number in (0, 5):
            change = render(apply_edits(session.scene, session.edits(number)))
            bare = render_background(session.scene)
            cell = cell_masks()[session.cells[number]]
            object_ = ((change - bare).abs().amax(1)[0] > 0.02) & cell
            assert object_.any()
            assert (object_ <= (session.mask(number)[0] > 0)).all()


def test_one_pass_is_told_what_the_rounds_come_to() -> None:
    for session in SESSIONS:
        instructions, masks = session.at_once(6)
        assert (len(instructions), masks.shape) == (4, (4, 144, 144))
        assert instructions[2:] == session.instructions[2:4]
        for joint, again, first in zip(
            instructions, session.instructions[4:6], session.instructions[:2], strict=False
        ):
            assert joint.split(" with ")[1] == again.split(" with ")[1]
            assert joint.split(" with ")[0] == first.split(" with ")[0]


def test_a_perfect_session_succeeds_without_drift() -> None:
    for rounds in (1, 4, 8):
        judged = judge_round(SESSIONS, UNEDITED, after(0, rounds), rounds)
        assert judged == Judgement(1.0, 1.0, 0.0, 0.0)


def test_a_lost_edit_is_not_held_and_a_shifted_colour_is_drift() -> None:
    judged = judge_round(SESSIONS, UNEDITED + 1 / 255, after(3, 4) + 2 / 255, 4)
    assert judged.success == 1.0
    assert judged.held == pytest.approx(0.25)
    assert judged.drift == pytest.approx(1.0, abs=1e-3)
    assert judged.mae_b == pytest.approx(2.0, abs=1e-3)


def test_nothing_edited_is_no_success() -> None:
    assert judge_round(SESSIONS, UNEDITED, UNEDITED, 4).held == 0.0


def test_psnr_is_the_mean_over_pictures() -> None:
    first = torch.zeros(2, 3, 4, 4)
    second = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), 0.01)])
    assert psnr(first, second) == pytest.approx((20 + 40) / 2)
    assert math.isfinite(psnr(first, first))


def test_in_the_published_figures_undo_drift_keeps_the_picture_and_the_edits() -> None:
    """Dual-LQR Sampler keeps more of the picture, and loses edits: the page tells how many."""
    figures = json.loads((ROOT / "benchmarks" / "results" / "turns.json").read_text())
    drift, success = figures["background_drift"], figures["success"]
    for method in ("naive_undrifted", "mice_one_pass_undrifted"):
        assert drift[method]["8"] <= 0.5 * drift["naive"]["8"]
        lost = [success["naive"][k] - success[method][k] for k in drift["naive"]]
        assert sum(lost) / len(lost) <= 0.01
    assert drift["dual"]["8"] <= 0.2 * drift["naive"]["8"]


@pytest.mark.parametrize("page", (".md", "/fr.md", "/zh.md"))
def test_help_tells_the_drift_that_was_measured(page: str) -> None:
    figures = json.loads((ROOT / "benchmarks" / "results" / "turns.json").read_text())
    text = (ROOT / "web" / "docs" / f"InstanceEditDualLQRSampler{page}").read_text("utf-8")
    for method in ("dual", "dual_published"):
        drift = f"{figures['background_drift'][method]['8']:.2f}"
        assert drift in text.replace(",", ".")


def test_the_page_says_who_meets_the_target_and_what_the_others_lose() -> None:
    def cell(drift: float, success: float) -> dict[str, dict[str, float]]:
        return {"drift": {"8": drift}, "success": {"1": success, "8": success}}

    cells = {"naive": cell(2, 1), "a": cell(1, 1), "b": cell(0.5, 0.9), "c": cell(1.5, 1)}
    told = target_line(cells)
    assert "Met by a. " in told and told.endswith("more success lost: b (0.10).")


def test_the_page_of_turns_is_what_its_json_gives() -> None:
    results = ROOT / "benchmarks" / "results"
    figures = json.loads((results / "turns.json").read_text(encoding="utf-8"))
    page = (results / "turns.md").read_text(encoding="utf-8")
    assert markdown(read_tables(figures), figures["about"]) == page


def test_the_report_has_a_line_per_method() -> None:
    rounds = {str(k): 0.5 for k in range(1, 9)}
    cell = {"drift": rounds, "success": rounds, "held": rounds, "mae_b": rounds}
    sweeps = {name: {"0.3": cell} for name in SWEEPS}
    tables = {
        "editing": {"naive": cell, "dual": cell},
        "reconstruction": {"dual": {"psnr": rounds}},
        "editing_unreferenced": {"dual": cell},
        "reconstruction_unreferenced": {"dual": {"psnr": rounds}},
        **sweeps,
    }
    about = {"date": "today", "torch": "2", "sessions": 3, "few": 2, "steps": 8, "vae_floor": 1.7}
    text = markdown(tables, about)
    assert text.count("| naive |") == 1 and text.count("| dual |") == 4
    assert text.count("| 0.3 | 0.50 | 0.50 | 0.50 |") == len(SWEEPS)
