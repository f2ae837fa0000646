"""What the bias page says of the block schedule, with and without the model's depth."""

from __future__ import annotations

import pytest

from instance_edit.attention.schedule import equal_stages, parse_stages
from instance_edit.pictures.strip import acting_blocks, block_strip

KINDS = ("dis", "har")
NUMBERS = parse_stages("har 0-4, dis 5-9, har 15-19", KINDS)
THIRDS = equal_stages(("har", "dis", "har"))


def test_with_the_depth_known_every_run_covers_the_models_own_blocks() -> None:
    strip = block_strip(THIRDS, 25)
    assert strip.runs == (("har", 0, 8 / 25), ("dis", 8 / 25, 17 / 25), ("har", 17 / 25, 1))
    assert strip.ends == ("block 0", "block 24, the model's last")
    assert acting_blocks(THIRDS, "har", 25) == "blocks 0-7, 17-24 of the model's 25"


def test_block_numbers_end_where_they_end_in_a_deeper_model() -> None:
    assert block_strip(NUMBERS, 25).runs[-1] == ("har", 15 / 25, 20 / 25)
    assert block_strip(NUMBERS, 57).runs[-1] == ("har", 15 / 57, 20 / 57)


def test_without_a_model_shares_stay_shares() -> None:
    strip = block_strip(parse_stages("dis 0%-30%, har 60%-100%", KINDS), None)
    assert strip.runs == (("dis", 0, 0.3), ("har", 0.6, 1))
    assert strip.ends == ("first block", "last block")


def test_without_a_model_block_numbers_end_at_the_highest_named() -> None:
    strip = block_strip(NUMBERS, None)
    assert strip.runs == (("har", 0, 0.25), ("dis", 0.25, 0.5), ("har", 0.75, 1))
    assert strip.ends == ("block 0", "block 19")


def test_without_a_model_the_page_says_that_the_depth_is_not_known() -> None:
    unknown = "(the model's depth is not known)"
    assert acting_blocks(NUMBERS, "har", None) == f"blocks 0-4, 15-19 {unknown}"
    assert acting_blocks(THIRDS, "dis", None) == f"blocks 33.33%-66.67% {unknown}"


def test_a_kind_that_reaches_no_block_is_said_to() -> None:
    assert (
        acting_blocks(parse_stages("dis 0%-1%", KINDS), "dis", 9) == "none of the model's 9 blocks"
    )


def test_a_model_too_shallow_for_the_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="5-9 ends past the last of the model's 9 blocks"):
        block_strip(NUMBERS, 9)
