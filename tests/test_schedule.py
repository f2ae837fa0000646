"""Block stages and steps windows."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from instance_edit.attention.schedule import (
    Blocks,
    Share,
    Stage,
    block_kinds,
    equal_stages,
    parse_stages,
)

KINDS = ("dis", "har")
EXAMPLE = "har 0-18, dis 19-37, har 38-56"


@pytest.mark.parametrize("thirds", list(itertools.product(KINDS, repeat=3)))
def test_any_of_the_eight_combinations_falls_on_the_thirds_of_flux1(
    thirds: tuple[str, ...],
) -> None:
    kinds = block_kinds(equal_stages(thirds), 57)
    assert kinds == (thirds[0],) * 19 + (thirds[1],) * 19 + (thirds[2],) * 19


@pytest.mark.parametrize(
    ("total", "last"),
    [(25, (7, 16, 24)), (57, (18, 37, 56)), (56, (18, 36, 55)), (32, (10, 20, 31))],
    ids=["klein 4B", "FLUX.1", "FLUX.2 dev", "klein 9B"],
)
def test_thirds_end_at_the_nearest_block_of_every_model(total: int, last: tuple[int, ...]) -> None:
    stages = equal_stages(("har", "dis", "har"))
    assert tuple(stage.run.of(total)[-1] for stage in stages) == last


@pytest.mark.parametrize("total", [3, 25, 32, 56, 57])
def test_thirds_cover_every_block_of_every_model_once(total: int) -> None:
    stages = equal_stages(("har", "dis", "har"))
    blocks = [block for stage in stages for block in stage.run.of(total)]
    assert blocks == list(range(total))


def test_the_tooltips_example_is_idattns_schedule_on_flux1() -> None:
    stages = parse_stages(EXAMPLE, KINDS)
    assert stages == (
        Stage("har", Blocks(0, 18)),
        Stage("dis", Blocks(19, 37)),
        Stage("har", Blocks(38, 56)),
    )
    assert block_kinds(stages, 57) == block_kinds(equal_stages(("har", "dis", "har")), 57)


def test_explicit_blocks_include_the_last_and_leave_the_rest_off() -> None:
    stages = parse_stages("har 0-1, dis 3-3", KINDS)
    assert block_kinds(stages, 5) == ("har", "har", "off", "dis", "off")


def test_percents_follow_the_depth_of_the_model() -> None:
    stages = parse_stages("dis 0%-50%", KINDS)
    assert block_kinds(stages, 4) == ("dis", "dis", "off", "off")
    assert block_kinds(stages, 8) == ("dis",) * 4 + ("off",) * 4


def test_adjacent_percents_are_two_runs() -> None:
    stages = parse_stages("dis 0%-50%, off 50%-100%", KINDS)
    assert stages == (Stage("dis", Share(0, 0.5)), Stage("off", Share(0.5, 1)))
    assert block_kinds(stages, 4) == ("dis", "dis", "off", "off")


def test_a_run_means_the_same_whether_its_numbers_are_whole_or_not() -> None:
    assert Share(0, 1).of(57) == Share(0.0, 1.0).of(57) == range(57)
    assert Blocks(0, 1).of(57) == range(2)


@pytest.mark.parametrize("text", ["har 24-25", "har 0-8, dis 30-40", EXAMPLE])
def test_blocks_past_the_end_of_the_model_are_refused_with_its_depth(text: str) -> None:
    with pytest.raises(ValueError, match=r"ends past the last of the model's 25 blocks \(0 .. 24"):
        block_kinds(parse_stages(text, KINDS), 25)


def test_the_last_block_of_the_model_may_be_named() -> None:
    assert block_kinds(parse_stages("har 24-24", KINDS), 25) == ("off",) * 24 + ("har",)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("har 0-18, dis 0%-100%", "'har 0-18' and 'dis 0%-100%'.* both name block 0"),
        ("off 0%-50%, har 20-24", "'off 0%-50%' and 'har 20-24'.* both name block 20"),
        ("dis 50%-100%, har 0-28", "'dis 50%-100%' and 'har 0-28'.* both name block 28"),
    ],
)
def test_numbers_that_overlap_percents_are_refused_once_the_depth_is_known(
    text: str, names: str
) -> None:
    stages = parse_stages(text, KINDS)
    with pytest.raises(ValueError, match=f"the runs {names}") as refused:
        block_kinds(stages, 57)
    assert "a model of 57 blocks" in str(refused.value)


def test_numbers_and_percents_may_stand_side_by_side() -> None:
    stages = parse_stages("har 0-18, dis 33%-100%", KINDS)
    assert block_kinds(stages, 57) == ("har",) * 19 + ("dis",) * 38
    with pytest.raises(ValueError, match="of 56 blocks both name block 18"):
        block_kinds(stages, 56)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soft 0-3",
        "dis 3",
        "dis 3-1",
        "dis 0%-120%",
        "dis 50%-50%",
        "dis 0-50%",
        "dis 0-5, har 5-6",
        "dis 0%-50%, har 49%-60%",
        "dis 1.5-2",
        "dis 1.2.3%-4%",
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="block|stage"):
        parse_stages(text, KINDS)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda: Blocks(3, 2), "0 <= first <= last, got 3-2"),
        (lambda: Blocks(-1, 2), "0 <= first <= last, got -1-2"),
        (lambda: Share(0.5, 0.5), "0% <= start < end <= 100%, got 50%-50%"),
        (lambda: Share(0.5, 1.2), "0% <= start < end <= 100%, got 50%-120%"),
    ],
)
def test_a_run_that_holds_no_block_is_refused(run: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run()
