"""The figures of `benchmarks.turns` and their page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import torch

Cells = Mapping[str, Mapping[str, Any]]
Tables = Mapping[str, Cells]
ROUNDS = ("1", "2", "4", "8")
HEADINGS = {
    "tolerance": "## Dual objective, tolerance swept (2 of 8 steps pulled, eta 0.9, lambda 0.7)",
    "lambda": "## As published, lambda swept (4 of 8 steps pulled, eta 0.9)",
    "eta": "## As published, eta swept (4 of 8 steps pulled, lambda 0.7)",
    "eta_all": "## As published, eta swept (all 8 steps pulled, lambda 0.7)",
    "lqr_steps": "## As published, number of pulled steps swept (of 8; eta 0.9, lambda 0.7)",
}
SWEEPS = tuple(HEADINGS)
LOST = 0.01
EDITING = {"background_drift": "drift", "success": "success", "held": "held", "mae_b": "mae_b"}
"""What turns.json calls the figures of a method."""
WHAT = """\
`dual` and the two single objectives have Dual-LQR Sampler's default tolerance of 0.1: what
differs so little from the first picture, or else from the previous result, is drift and is put
back in every step after the pulled ones. `_published` is the paper's pull, tolerance 0, with the
time of the regulator by noise level; adaptive attention sums to one again (*on*).
`naive_undrifted` is naive chaining with the node Undo Drift, the same rule once per round.
`naive_located` and `dual_located` keep the rest with a noise mask from Locate by Velocity
Contrast, `dual_masked` with a painted one. `naive_saved` is what people do: every result is
saved as a picture and loaded again. The miniature takes the previous result as a reference; none
of this has been measured on real weights."""
WITHOUT = """\
The paper's model takes no reference. The miniature was trained with one, so that these are figures
of the sampler, not of a model from text."""


def write_report(tables: Tables, sessions: int, few: int, steps: int, folder: Path) -> None:
    """turns.json and turns.md in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "date": date.today().isoformat(),
        "torch": torch.__version__,
        "sessions": sessions,
        "few": few,
        "steps": steps,
        "vae_floor": tables["floor"]["vae"]["mae_b"],
    }
    figures = {
        **by_figure(tables["editing"], tables["reconstruction"]),
        "without_reference": by_figure(
            tables["editing_unreferenced"], tables["reconstruction_unreferenced"]
        ),
        **{sweep: tables[sweep] for sweep in SWEEPS},
        "about": about,
    }
    (folder / "turns.json").write_text(json.dumps(figures, indent=1) + "\n")
    (folder / "turns.md").write_text(markdown(read_tables(figures), about))


def read_tables(figures: Mapping[str, Any]) -> Tables:
    """The tables of a turns.json."""
    without = figures["without_reference"]
    return {
        "editing": editing_cells(figures),
        "reconstruction": reconstruction_cells(figures),
        "editing_unreferenced": editing_cells(without),
        "reconstruction_unreferenced": reconstruction_cells(without),
        **{sweep: figures[sweep] for sweep in SWEEPS},
    }


def editing_cells(figures: Mapping[str, Any]) -> Cells:
    """What every method's rounds come to."""
    return {
        method: {of: figures[name][method] for name, of in EDITING.items()}
        for method in figures["background_drift"]
    }


def reconstruction_cells(figures: Mapping[str, Any]) -> Cells:
    """Every method's PSNR without an edit."""
    return {method: {"psnr": one} for method, one in figures["reconstruction_psnr"].items()}


def by_figure(editing: Cells, reconstruction: Cells) -> dict[str, Any]:
    """What turns.json says of these methods; `editing_cells` and `reconstruction_cells` read it."""
    figures = {name: pick(editing, of) for name, of in EDITING.items()}
    return figures | {"reconstruction_psnr": pick(reconstruction, "psnr")}


def pick(cells: Cells, name: str) -> dict[str, Any]:
    """One figure of every method."""
    return {method: cell[name] for method, cell in cells.items()}


def markdown(tables: Tables, about: Mapping[str, Any]) -> str:
    """Every table as text."""
    lines = [
        "# Many turns on the demo model",
        "",
        f"{about['date']}, torch {about['torch']}, {about['sessions']} sessions of 8 rounds over 4 "
        f"of 9 objects, each edited twice; {about['steps']} steps, FLUX's shift, one thread. "
        "Latents are handed from round to round. A round of `naive` costs 8 predictions, one with "
        "inversion 18, one pass 8 for everything. Reconstruction, sweeps and all without a "
        f"reference: the first {about['few']} sessions.",
        "",
        "Drift: mean absolute error (0-255) over the background (the five other cells, with their "
        "objects) against the unedited picture after the VAE. MAE_B: the same against the source; "
        f"the VAE alone has {about['vae_floor']:.2f}. Success: the round's own edit shows its "
        "target. Held: share of the edited objects that show what they were last told to be.",
    ]
    lines += ["", "## Editing", "", *editing_lines(tables["editing"])]
    lines += against_naive(tables["editing"])
    lines += [
        *("", "## Reconstruction: PSNR in dB after so many rounds without an edit", ""),
        *("100: exact.", "", *reconstruction_lines(tables["reconstruction"])),
        *("", "## Without a reference", "", WITHOUT, ""),
        *editing_lines(tables["editing_unreferenced"]),
        *("", "Reconstruction, as above:", ""),
        *reconstruction_lines(tables["reconstruction_unreferenced"]),
    ]
    for sweep in SWEEPS:
        lines += sweep_lines(sweep, tables[sweep])
    return "\n".join(lines) + "\n"


def editing_lines(cells: Cells) -> list[str]:
    """Drift, success and held edits of every method."""
    columns = [f"drift {k}" for k in ROUNDS]
    columns += ["success 4", "success 8", "mean success", "held 4", "held 8", "MAE_B 8"]
    lines = [row("method", columns), "|---" * 11 + "|"]
    for method, cell in cells.items():
        figures = [cell["drift"][k] for k in ROUNDS]
        figures += [cell["success"]["4"], cell["success"]["8"], mean_success(cell)]
        figures += [cell["held"]["4"], cell["held"]["8"], cell["mae_b"]["8"]]
        lines.append(row(method, [f"{figure:.2f}" for figure in figures]))
    return lines


def reconstruction_lines(cells: Cells) -> list[str]:
    """How well the picture comes back without an edit."""
    lines = [row("method", [f"round {k}" for k in ROUNDS]), "|---" * 5 + "|"]
    for method, cell in cells.items():
        lines.append(row(method, [f"{cell['psnr'][k]:.1f}" for k in ROUNDS]))
    return lines


def sweep_lines(sweep: str, cells: Cells) -> list[str]:
    """One setting's values and what they come to."""
    lines = ["", HEADINGS[sweep], ""]
    lines += [row(sweep, ["drift 8", "mean success", "held 8"]), "|---" * 4 + "|"]
    for value, cell in cells.items():
        figures = (cell["drift"]["8"], mean_success(cell), cell["held"]["8"])
        lines.append(row(value, [f"{figure:.2f}" for figure in figures]))
    return lines


def mean_success(cell: Mapping[str, Any]) -> float:
    """Success over all rounds."""
    return sum(cell["success"].values()) / len(cell["success"])


def against_naive(cells: Cells) -> list[str]:
    """Every method's drift after 8 rounds as a share of naive chaining's, and what each is."""
    if "naive" not in cells:
        return []
    lines = ["", "Drift after 8 rounds over that of"]
    for base in ("naive", "naive_saved"):
        if base in cells:
            whole = cells[base]["drift"]["8"]
            shares = [f"{name} {cell['drift']['8'] / whole:.2f}" for name, cell in cells.items()]
            lines += ["", f"- `{base}`: {', '.join(shares)}."]
    return [*lines, "", target_line(cells), "", WHAT]


def target_line(cells: Cells) -> str:
    """Who keeps the picture without losing edits, as computed: the target of the project."""
    whole, edits = cells["naive"]["drift"]["8"], mean_success(cells["naive"])
    kept = {name: cell for name, cell in cells.items() if cell["drift"]["8"] <= 0.5 * whole}
    lost = {name: edits - mean_success(cell) for name, cell in kept.items()}
    met = [name for name, share in lost.items() if share <= LOST]
    missed = [f"{name} ({share:.2f})" for name, share in lost.items() if share > LOST]
    return (
        f"Target: at most half of naive chaining's drift, mean success at most {LOST} below its. "
        f"Met by {', '.join(met)}. Half of the drift, but more success lost: {', '.join(missed)}."
    )


def row(first: str, cells: Sequence[str]) -> str:
    """One line of a table."""
    return "| " + " | ".join([first, *cells]) + " |"
