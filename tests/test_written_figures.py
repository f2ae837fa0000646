"""Figures in prose, outside of the pages' tables, are those that were measured or follow."""

from __future__ import annotations

import math

import pytest
import torch

from instance_edit.attention.execute.faint import ROUNDING, find_faint
from instance_edit.benchmarks.leak.crowds import MASK_MARGIN
from instance_edit.benchmarks.pages import PAGES, read_figures
from instance_edit.benchmarks.record import RESULTS
from instance_edit.benchmarks.speed.alternatives import job_bias
from instance_edit.benchmarks.speed.jobs import job_layout
from instance_edit.benchmarks.speed.speed import WIDTH
from instance_edit.tests.pages import page
from instance_edit.tests.test_result_pages import WRITTEN

OF_THEIR_OWN = {"README", "turns"}
"""What has no figures, and what tests/test_turns_sessions.py compares."""


def in_one_line(name: str) -> str:
    return " ".join(page(name).split())


def test_no_page_of_results_is_left_out() -> None:
    assert {path.stem for path in RESULTS.glob("*.md")} == {*PAGES, *WRITTEN, *OF_THEIR_OWN}


def test_the_readme_gives_the_speed_that_was_measured() -> None:
    touched, attention = read_figures("touched"), read_figures("speed_cpu")
    ratio, ten = touched["forward_ratio"], "0.1"
    near, whole, dense = (
        ratio[name][ten]["8"] for name in ("skipping, near regions", "skipping, whole", "dense")
    )
    plain = [one["8"] for one in ratio["ours"].values()]
    proved, computed, given = (
        [attention[f"{name}/unpatched"][count] for count in ("8", "100")]
        for name in ("ours", "all keys", "dense")
    )
    assert (
        f"eight edits on 10 % of a 1024 x 1024 picture cost {near:.2f} of a forward without any; "
        f"{whole:.2f} where the whole reference stays (its default). Without it {min(plain):.1f} "
        f"to {max(plain):.1f}, with a dense bias {dense:.2f}, one after the other "
        f"{ratio['turns'][ten]['8']:g}. Attention alone takes {proved[0]:.2f} for 8 instances and "
        f"{proved[1]:.2f} for 100 where it is proved that far keys cannot matter, "
        f"{computed[0]:.2f} and {computed[1]:.2f} where they are computed, a dense bias "
        f"{given[0]:.2f} and {given[1]:.2f} ([figures][speed])."
    ) in in_one_line("README.md")


def test_the_readme_gives_the_success_in_silhouettes_alone() -> None:
    measured = read_figures("quality")
    plain, many = (
        [f"{100 * measured[method][count]['success']:.0f} %" for count in ("3", "9")]
        for method in ("mice_exact", "mice_tau8_exact")
    )
    assert (
        f"Masks here leave {MASK_MARGIN} pixels of room around each thing. In silhouettes alone "
        f"MICE has {plain[0]} at N = 3 and {plain[1]} at 9, and {many[0]} and {many[1]} at "
        "temperature 8"
    ) in in_one_line("README.md")


def test_the_changelog_gives_the_time_that_shared_keys_were_measured_to_take() -> None:
    attention = read_figures("speed_cpu")
    shares = [
        share / attention["dense/unpatched"][count]
        for count, share in attention["all keys/unpatched"].items()
        if count != "0"
    ]
    said = f"attention takes {min(shares):.2f} to {max(shares):.2f} of the time that a dense bias"
    assert said in in_one_line("CHANGELOG.md")


def test_the_miniatures_page_gives_what_the_shipped_weights_do() -> None:
    measured = read_figures("quality")

    def success(method: str, instances: str) -> str:
        return f"{100 * measured[method][instances]['success']:.0f}"

    assert (
        f"single edit {success('vanilla', '1')} %, N = 5: MICE {success('mice', '5')}, a list with "
        f"places {success('text_location', '5')}; N = 9: MICE {success('mice', '9')} "
        f"({success('mice_tau8', '9')} at temperature 8), full dis "
        f"{success('idattn_dis_dis_dis', '9')}, full har {success('idattn_har_har_har', '9')} |"
    ) in in_one_line("demo/training/README.md")


@pytest.mark.parametrize(("pixels", "side"), [(512, 32), (1024, 64), (1536, 96)])
def test_the_page_gives_the_scales_below_which_lengths_prove_far_keys_faint(
    pixels: int, side: int
) -> None:
    """Rounded down; a scale is what FLUX's norms give a query or key per channel."""
    row: list[str] = []
    for instances in (1, 8, 40, 285):
        layout = job_layout(instances, (side, side), 1)
        faint = find_faint(job_bias(layout, torch.bfloat16, torch.device("cpu")))
        assert faint is not None
        scales = faint.margin / (2 * ROUNDING * math.sqrt(WIDTH))
        assert faint.is_exact_below(0.999 * scales * WIDTH, WIDTH)
        assert not faint.is_exact_below(1.001 * scales * WIDTH, WIDTH)
        row.append(f"{math.floor(100 * scales) / 100:.2f}")
    line = f"| {pixels} x {pixels} | {' | '.join(row)} |"
    assert line in page("benchmarks/results/speed.md")
