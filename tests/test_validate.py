"""The validator names every kind of problem, and nothing where there is none."""

from __future__ import annotations

import pytest
import torch

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.mask_ops.validate import coverage, find_problems, region_report

GRID = (10, 20)


def box(x1: float, y1: float, x2: float, y2: float, text: str = "make it red") -> InstanceRegion:
    return InstanceRegion(text, box=Box(x1, y1, x2, y2))


def kinds(*regions: InstanceRegion, **options) -> list[tuple[str, tuple[int, ...]]]:
    return [(f.kind, f.instances) for f in find_problems(regions, GRID, **options)]


def test_regions_that_stand_apart_have_no_problems() -> None:
    regions = [box(0.1, 0.1, 0.4, 0.5), box(0.5, 0.1, 0.9, 0.5)]
    assert kinds(*regions) == []
    assert region_report(regions, GRID).endswith("No problems found.")


def test_a_region_smaller_than_a_token_is_tiny() -> None:
    assert kinds(box(0.11, 0.11, 0.13, 0.15)) == [("tiny", (1,))]
    speck = torch.zeros(100, 200)
    speck[32:35, 32:35] = 1
    assert kinds(InstanceRegion("x", mask=speck)) == [("tiny", (1,))]
    speck[30:40, 30:40] = 1
    assert kinds(InstanceRegion("x", mask=speck)) == []


def test_a_region_without_words_is_named() -> None:
    found = kinds(box(0.1, 0.1, 0.4, 0.5), box(0.5, 0.1, 0.9, 0.5, " \n"))
    assert found == [("no instruction", (2,))]


def test_a_box_cut_by_the_picture_is_named_with_its_edges() -> None:
    (finding,) = find_problems([box(-0.2, 0.2, 0.3, 1.4)], GRID)
    assert finding.kind == "edge" and "left and bottom edge" in finding.text


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("shared", "both instructions act"),
        ("smaller wins", "instance 2 wins"),
        ("first wins", "instance 1 wins"),
    ],
)
def test_an_overlap_says_how_much_and_who_wins(policy, words: str) -> None:
    regions = [box(0.05, 0.1, 0.95, 0.9), box(0.8, 0.8, 0.99, 0.95)]
    (finding,) = find_problems(regions, GRID, overlap=policy)
    assert finding.kind == "overlap" and finding.instances == (1, 2)
    assert "3 token(s)" in finding.text and "38%" in finding.text and words in finding.text


def test_the_same_place_twice_is_a_duplicate() -> None:
    place = (0.1, 0.1, 0.4, 0.5)
    assert kinds(box(*place), box(*place)) == [("duplicate", (1, 2))]


def test_many_overlaps_are_counted_instead_of_listed() -> None:
    crowd = [box(0.1, 0.1, 0.5 + n / 100, 0.5) for n in range(7)]
    findings = find_problems(crowd, GRID)
    assert len(findings) == 13 and findings[-1].text == "9 more pairs of instances overlap."


def test_coverage_is_the_share_of_tokens_in_any_region() -> None:
    assert coverage([box(0.01, 0.01, 0.5, 1.0), box(0.01, 0.01, 0.25, 0.5)], GRID) == 0.5


def test_the_report_lists_every_instance_with_its_tokens() -> None:
    regions = [box(0.1, 0.1, 0.4, 0.5, "a very long wish " * 20), box(0.5, 0.1, 0.9, 0.5)]
    lines = region_report(regions, GRID, text_tokens=[81, 4]).splitlines()
    assert lines[0].startswith("2 instance(s) on 20 x 10 tokens cover 28% of the picture")
    assert (
        lines[1].startswith("1. 24 tokens and 81 text tokens: a very long") and len(lines[1]) < 140
    )
    assert lines[2] == "2. 32 tokens and 4 text tokens: make it red"
