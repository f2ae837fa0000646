"""Block stages and steps windows."""

import itertools

import pytest
import torch

from instance_edit.attention.schedule import (
    Stage,
    block_kinds,
    equal_stages,
    in_window,
    parse_stages,
    sampling_progress,
)

KINDS = ("dis", "har")


@pytest.mark.parametrize("thirds", list(itertools.product(KINDS, repeat=3)))
def test_any_of_the_eight_combinations_falls_on_the_thirds_of_flux1(thirds):
    kinds = block_kinds(equal_stages(thirds), 57)
    assert kinds == (thirds[0],) * 19 + (thirds[1],) * 19 + (thirds[2],) * 19


@pytest.mark.parametrize("total", [3, 25, 32, 56, 57])
def test_thirds_cover_every_block_of_every_model_once(total):
    stages = equal_stages(("har", "dis", "har"))
    blocks = [block for stage in stages for block in stage.blocks(total)]
    assert blocks == list(range(total))


def test_explicit_blocks_include_the_last_and_leave_the_rest_off():
    stages = parse_stages("har 0-1, dis 3-3", KINDS)
    assert block_kinds(stages, 5) == ("har", "har", "off", "dis", "off")


def test_percents_follow_the_depth_of_the_model():
    stages = parse_stages("dis 0%-50%", KINDS)
    assert block_kinds(stages, 4) == ("dis", "dis", "off", "off")
    assert block_kinds(stages, 8) == ("dis",) * 4 + ("off",) * 4


def test_explicit_blocks_past_the_end_of_a_short_model_are_cut():
    assert list(Stage("dis", 2, 9).blocks(4)) == [2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soft 0-3",
        "dis 3",
        "dis 3-1",
        "dis 0%-120%",
        "dis 0-50%",
        "dis 0-5, har 5-6",
        "dis 1.5-2",
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(text):
    with pytest.raises(ValueError, match="block|stage"):
        parse_stages(text, KINDS)


def test_progress_counts_steps_whatever_the_shift_of_the_schedule():
    sigmas = torch.tensor([1.0, 0.9, 0.7, 0.4, 0.0])
    found = [sampling_progress(float(sigma), sigmas) for sigma in sigmas]
    assert found == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])


def test_progress_between_steps_is_linear_so_second_order_samplers_work():
    assert sampling_progress(0.8, torch.tensor([1.0, 0.9, 0.7, 0.0])) == pytest.approx(0.5)


def test_a_window_takes_its_first_step_and_leaves_its_last_bound_out():
    assert in_window(0.25, 0.25, 0.5)
    assert not in_window(0.5, 0.25, 0.5)
    assert in_window(1.0, 0.5, 1.0)
