"""`make bench-turns`: drift over many turns on the demo model: reconstruction, editing, sweeps.

    python -m tools.run benchmarks.turns.turns [--sessions 24] [--only naive,dual]

Writes turns.json, turns.md and turns_curves.png to benchmarks/results. Finished methods are kept
under build/turns/ and reused while weights, code and settings stay the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...tools.load_pack import add_comfyui_to_path
from ..cache import EDITORS, cache_folder
from ..record import RESULTS
from ..studio import Studio
from .plot import draw_curves
from .report import write_report
from .sessions import Session, editing_sessions, judge_round, psnr

if TYPE_CHECKING:
    from .plan import Plan
    from .rounds import Rounds

CODE = (*EDITORS, "benchmarks/turns", "benchmarks/leak", "benchmarks/locate")
ROUNDS = 8
STEPS = 8
REPORTED = (1, 2, 4, 8)
FEW = 8  # sessions for reconstruction and sweeps

Cell = dict[str, Any]
Tables = dict[str, dict[str, Cell]]


def edit_in_rounds(studio: Studio, method: Rounds, sessions: list[Session]) -> Cell:
    """Success, held edits and drift after every round."""
    start = [studio.encode(session.picture) for session in sessions]
    runs = [
        list(method(studio, latent, session, session.instructions, 100 * number))
        for number, (latent, session) in enumerate(zip(start, sessions, strict=True))
    ]
    cell: Cell = {}
    unedited = studio.decode(start)
    for k in range(1, ROUNDS + 1):
        results = studio.decode([run[k - 1] for run in runs])
        for name, value in asdict(judge_round(sessions, unedited, results, k)).items():
            cell.setdefault(name, {})[str(k)] = round(value, 4)
    return cell


def reconstruct(studio: Studio, method: Rounds, sessions: list[Session]) -> Cell:
    """PSNR against the first picture's own latent after rounds without an edit."""
    start = [studio.encode(session.picture) for session in sessions]
    runs = [
        list(method(studio, latent, session, [""] * ROUNDS, 100 * number))
        for number, (latent, session) in enumerate(zip(start, sessions, strict=True))
    ]
    first = studio.decode(start)
    values = {k: psnr(first, studio.decode([run[k - 1] for run in runs])) for k in REPORTED}
    return {"psnr": {str(k): round(value, 2) for k, value in values.items()}}


def floor_of(studio: Studio, sessions: list[Session]) -> float:
    """MAE_B of the VAE alone."""
    pictures = studio.decode([studio.encode(session.picture) for session in sessions])
    return round(judge_round(sessions, pictures, pictures, 1).mae_b, 4)


def run_all(
    studio: Studio, plan: Plan, sessions: list[Session], folder: Path, only: set[str]
) -> Tables:
    """Every method of every table, from the cache where it was finished before.

    Args:
        only: tables or methods that may be run now; empty: all.
    """
    tables: Tables = {"floor": {"vae": {"mae_b": floor_of(studio, sessions)}}}
    for table, methods in plan.items():
        job = reconstruct if table.startswith("reconstruction") else edit_in_rounds
        shown = sessions if table == "editing" else sessions[:FEW]
        tables[table] = {}
        for name, (told, rounds) in methods.items():
            digest = hashlib.sha256(told.encode()).hexdigest()
            path = folder / f"{job.__name__}_{digest}_{len(shown)}.json"
            if not path.exists() and (not only or {name, table} & only):
                path.write_text(json.dumps(job(studio, rounds, shown)))
                print(f"{table} {name}: {path.read_text()}", flush=True)
            if path.exists():
                tables[table][name] = json.loads(path.read_text())
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=24)
    parser.add_argument("--only", default="", help="tables or methods, comma-separated")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = cache_folder("turns", CODE, f"{arguments.sessions} {STEPS}")
    folder.mkdir(parents=True, exist_ok=True)
    sessions = editing_sessions(arguments.sessions, ROUNDS)
    only = {name for name in arguments.only.split(",") if name}
    with tempfile.TemporaryDirectory(prefix="instance-edit-turns-") as base:
        add_comfyui_to_path(("--cpu", "--base-directory", base))
        from ..in_process import demo_studio
        from .plan import PLAN

        tables = run_all(demo_studio(STEPS), PLAN, sessions, folder, only)
    write_report(tables, arguments.sessions, min(FEW, arguments.sessions), STEPS, arguments.out)
    draw_curves(tables, arguments.out / "turns_curves.png")


if __name__ == "__main__":
    main()
