"""The validator names every kind of problem, and nothing where there is none."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.findings import Finding
from instance_edit.mask_ops.overlap import OverlapPolicy
from instance_edit.mask_ops.regions import InstanceRegion, rasterise
from instance_edit.mask_ops.validate import coverage, find_problems, region_report

GRID = (10, 20)


def box(x1: float, y1: float, x2: float, y2: float, text: str = "make it red") -> InstanceRegion:
    return InstanceRegion(text, box=Box(x1, y1, x2, y2))


def painted(mask: Tensor) -> InstanceRegion:
    return InstanceRegion("x", mask=mask)


def findings(
    *regions: InstanceRegion,
    overlap: OverlapPolicy = "shared",
    extent: tuple[float, float] | None = None,
) -> list[Finding]:
    return find_problems(regions, rasterise(regions, GRID, extent), extent, overlap)


def problems(*regions: InstanceRegion) -> list[tuple[str, tuple[int, ...]]]:
    return [(f.problem, f.instances) for f in findings(*regions)]


def test_regions_that_stand_apart_have_no_problems() -> None:
    regions = [box(0.1, 0.1, 0.4, 0.5), box(0.5, 0.1, 0.9, 0.5)]
    assert problems(*regions) == []
    assert region_report(regions, GRID).endswith("No problems found.")


def test_a_region_smaller_than_a_token_is_tiny() -> None:
    assert problems(box(0.11, 0.11, 0.13, 0.15)) == [("tiny", (1,))]
    assert problems(box(0.1, 0.1, 0.15, 0.199)) == [("tiny", (1,))]
    assert problems(box(0.5, 0.5, 0.5625, 0.625)) == []  # 1.25 tokens by 1.25
    speck = torch.zeros(100, 200)
    speck[32:35, 32:35] = 1
    assert problems(painted(speck)) == [("tiny", (1,))]
    speck[30:40, 30:40] = 1
    assert problems(painted(speck)) == []


def test_a_region_of_exactly_one_token_is_not_tiny() -> None:
    for width, problem in ((0.0625, []), (0.0624, ["tiny"])):
        region = box(0.5, 0.5, 0.5 + width, 0.625)
        found = find_problems([region], rasterise([region], (8, 16)))
        assert [finding.problem for finding in found] == problem


def test_the_size_of_a_tiny_region_is_given_in_tokens_of_the_picture() -> None:
    speck = torch.zeros(100, 200)
    speck[0:5, 0:5] = 1
    for region in (painted(speck), box(0.01, 0.01, 0.035, 0.06)):
        (finding,) = findings(region)
        assert "Instance 1 is tiny: 0.25 of a token" in finding.text
        assert "It gets the 1 token(s)" in finding.text
    (cut,) = findings(box(0.01, 0.01, 0.035, 0.06), extent=(9.0, 18.0))
    assert "0.20 of a token" in cut.text  # 0.025 * 18 * 0.05 * 9


def test_a_region_without_a_token_is_empty_and_not_tiny() -> None:
    region = box(0.1, 0.1, 0.4, 0.5)
    (finding,) = find_problems([region], torch.zeros(1, *GRID, dtype=torch.bool))
    assert finding.problem == "empty" and finding.instances == (1,)
    assert "Instance 1 is empty" in finding.text


def test_a_region_without_words_is_named() -> None:
    found = problems(box(0.1, 0.1, 0.4, 0.5), box(0.5, 0.1, 0.9, 0.5, " \n"))
    assert found == [("no instruction", (2,))]


@pytest.mark.parametrize(
    ("corners", "edges"),
    [
        ((-0.2, 0.2, 0.3, 1.4), "left and bottom"),
        ((0.2, -0.1, 1.1, 0.4), "top and right"),
        ((0.0, 0.2, 0.3, 0.4), "left"),
        ((0.2, 0.0, 0.3, 0.4), "top"),
        ((0.2, 0.2, 1.0, 0.4), "right"),
        ((0.2, 0.2, 0.3, 1.0), "bottom"),
    ],
)
def test_a_box_cut_by_the_picture_is_named_with_its_edges(
    corners: tuple[float, float, float, float], edges: str
) -> None:
    (finding,) = findings(box(*corners))
    assert finding.problem == "edge" and f"the picture's {edges} edge:" in finding.text


def test_a_mask_at_the_edge_is_no_problem() -> None:
    mask = torch.zeros(10, 20)
    mask[:, :7] = 1
    assert problems(painted(mask)) == []


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("shared", "both instructions act"),
        ("smaller wins", "instance 2 wins (smaller wins)"),
        ("as released", "both instructions act, and the picture is seen as instance 2 sees it"),
        ("first wins", "instance 1 wins (first wins)"),
    ],
)
def test_an_overlap_says_how_much_and_who_wins(policy: OverlapPolicy, words: str) -> None:
    regions = [box(0.05, 0.1, 0.95, 0.9), box(0.8, 0.8, 0.99, 0.95)]
    (finding,) = findings(*regions, overlap=policy)
    assert finding.problem == "overlap" and finding.instances == (1, 2)
    assert "3 token(s)" in finding.text and "38% of the smaller" in finding.text
    assert words in finding.text
    if policy == "smaller wins":
        (turned,) = findings(*regions[::-1], overlap=policy)
        assert "instance 1 wins" in turned.text and "38% of the smaller" in turned.text


def test_of_two_as_small_the_first_wins() -> None:
    (finding,) = findings(box(0.1, 0.1, 0.3, 0.3), box(0.2, 0.2, 0.4, 0.4), overlap="smaller wins")
    assert "instance 1 wins" in finding.text


def test_the_same_place_twice_is_a_duplicate() -> None:
    place = (0.1, 0.1, 0.4, 0.5)
    assert problems(box(*place), box(*place)) == [("duplicate", (1, 2))]


def test_all_but_a_thousandth_of_the_larger_is_still_the_same_place() -> None:
    grid, whole = (50, 40), torch.ones(50, 40)
    for missing, problem in ((2, "duplicate"), (3, "overlap")):
        other = whole.clone()
        other[0, :missing] = 0
        for pair in ([painted(whole), painted(other)], [painted(other), painted(whole)]):
            found = [finding.problem for finding in find_problems(pair, rasterise(pair, grid))]
            assert [name for name in found if name not in ("whole", "inverted")] == [problem]


def test_many_overlaps_are_counted_instead_of_listed() -> None:
    crowd = [box(0.1, 0.1, 0.5 + n / 100, 0.5) for n in range(7)]
    found = findings(*crowd)
    assert len(found) == 13 and found[-1].text == "9 more pairs of instances overlap."
    assert found[-1].instances == ()
    assert len(findings(*crowd[:5])) == 10


def test_coverage_is_the_share_of_tokens_in_any_region() -> None:
    regions = [box(0.01, 0.01, 0.5, 1.0), box(0.01, 0.01, 0.25, 0.5)]
    assert coverage(rasterise(regions, GRID)) == 0.5


def test_the_report_lists_every_instance_with_its_tokens() -> None:
    regions = [box(0.1, 0.1, 0.4, 0.5, "a very long instruction " * 20), box(0.5, 0.1, 0.9, 0.5)]
    lines = region_report(regions, GRID, text_tokens=[81, 4]).splitlines()
    assert lines[0].startswith("2 instance(s) on 20 x 10 tokens cover 28% of the picture")
    long = lines[1].removeprefix("1. 24 tokens and 81 text tokens: ")
    assert long.startswith("a very long") and long.endswith("...") and 87 <= len(long) <= 90
    assert lines[2] == "2. 32 tokens and 4 text tokens: make it red"
    assert lines[3] == "No problems found."


def test_a_report_shows_instructions_of_90_letters_whole_and_names_missing_ones() -> None:
    regions = [box(0.1, 0.1, 0.4, 0.5, "x" * 90), box(0.5, 0.1, 0.9, 0.5, "  ")]
    lines = region_report(regions, GRID).splitlines()
    assert lines[1] == "1. 24 tokens: " + "x" * 90
    assert lines[2] == "2. 32 tokens: (no instruction)"
    assert lines[3].startswith("- Instance 2 has no instruction")


def test_a_report_follows_the_policy_and_the_extent() -> None:
    regions = [box(0.05, 0.1, 0.95, 0.9), box(0.8, 0.8, 0.99, 0.95)]
    assert "(first wins)" in region_report(regions, GRID, overlap="first wins")
    part = region_report([box(0.1, 0.5, 0.9, 1.0)], (2, 10), (2.0, 5.0))
    assert part.startswith("1 instance(s) on 10 x 2 tokens cover 25% of the picture")


def test_one_report_rasterises_every_region_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    plain = InstanceRegion.on_grid

    def on_grid(self: InstanceRegion, grid: tuple[int, int], *rest: object) -> Tensor:
        asked.append(grid)
        return plain(self, grid, *rest)

    monkeypatch.setattr(InstanceRegion, "on_grid", on_grid)
    region_report([box(0.1, 0.1, 0.4, 0.5), box(0.3, 0.1, 0.9, 0.5)], GRID)
    assert asked == [GRID, GRID]


def blob(*box: int, size: tuple[int, int] = (160, 320), level: float = 1.0) -> Tensor:
    """A mask on a picture of the grid's shape, 16 pixels to a token."""
    mask = torch.zeros(size)
    y1, x1, y2, x2 = box
    mask[y1:y2, x1:x2] = level
    return mask


def test_a_thin_mask_says_that_it_gets_more_than_it_covers() -> None:
    wire = blob(20, 16, 24, 300)
    (finding,) = findings(painted(wire))
    assert finding.problem == "thin" and "gets all 18 tokens" in finding.text
    assert "A larger working size" in finding.text


def test_a_mask_that_loses_much_or_thin_parts_to_rounding_says_so() -> None:
    frayed = blob(32, 32, 48, 48)
    frayed[48:55, 32:48] = frayed[25:32, 32:48] = 1
    (finding,) = findings(painted(frayed))
    assert finding.problem == "lost" and "loses 47% of its mask to rounding" in finding.text
    lamp = blob(32, 32, 96, 96)
    lamp[60:64, 96:300] = 1  # with its cord
    (finding,) = findings(painted(lamp))
    assert finding.problem == "lost" and "12 tokens with thin parts of it" in finding.text
    assert problems(painted(blob(32, 32, 96, 96))) == []


def test_a_mask_of_several_opacities_says_what_is_too_faint() -> None:
    brush = blob(16, 16, 144, 200, level=0.3)
    brush[40:72, 240:288] = 1.0
    found = dict((f.problem, f.text) for f in findings(painted(brush)))
    assert "leaves out 82% of its soft mask" in found["faint"]
    assert problems(painted(blob(16, 16, 144, 200, level=0.3))) == []


def test_a_region_over_the_whole_picture_or_all_but_a_part_within_is_named() -> None:
    assert problems(painted(torch.ones(10, 20))) == [("whole", (1,))]
    assert problems(box(0, 0, 1, 1)) == [("whole", (1,))]
    assert problems(painted(1 - blob(32, 32, 96, 96))) == [("inverted", (1,))]


def test_a_region_without_a_place_says_so_and_nothing_else() -> None:
    nowhere = InstanceRegion("a", box=Box(0, 0, 1, 1), origin="nowhere")
    assert problems(nowhere, nowhere) == [("nowhere", (1,)), ("nowhere", (2,))]


def test_a_region_of_a_picture_of_another_shape_is_named_and_another_size_is_told() -> None:
    region = painted(blob(32, 32, 96, 96))
    masks = rasterise([region], GRID)
    (finding,) = find_problems([region], masks, size=(320, 320))
    assert finding.problem == "aspect" and "Put Fit Regions between them" in finding.text
    assert "320 x 160 pixels, and this one has 320 x 320" in finding.text
    assert find_problems([region], masks, size=(80, 160)) == []
    report = region_report([region], GRID, size=(80, 160)).splitlines()
    assert report[-2] == "Drawn on 320 x 160 pixels, scaled to the picture's 160 x 80."
    assert report[-1] == "No problems found."
    assert len(region_report([region], GRID, size=(160, 320)).splitlines()) == 3


def test_a_picture_that_the_vae_will_crop_is_named() -> None:
    region = box(0.1, 0.1, 0.4, 0.5)
    (finding,) = find_problems([region], rasterise([region], GRID), size=(743, 1000))
    assert finding.problem == "odd size" and finding.instances == ()
    assert "1000 x 743 pixels: VAE Encode crops it to at most 1000 x 736" in finding.text


def test_what_else_was_found_stands_with_the_findings() -> None:
    lines = region_report([box(0.1, 0.1, 0.4, 0.5)], GRID, others=["Letters!"]).splitlines()
    assert lines[-1] == "- Letters!"
