"""Crowded pictures: many sizes, touching and overlapping, edited only where the words say."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch

from instance_edit.demo.crowd import seeds
from instance_edit.demo.crowd.drawing import draw, silhouette, visible_masks
from instance_edit.demo.crowd.judge import NONE, SOURCE, background, judge, seen_things
from instance_edit.demo.crowd.scene import Ground, Scene, Thing, sample_scene, stand_together
from instance_edit.demo.crowd.wording import (
    absent_clause,
    is_clear,
    matches,
    meant,
    place_of,
    sample_clause,
    targets_of,
)
from instance_edit.demo.instructions import Clause
from instance_edit.demo.shapes import LOCATIONS

QUIET = Ground(((0.4, 0.4, 0.4),) * 4)
CIRCLE = Thing(shape=0, colour=0, x=40, y=40, radius=20)


def scenes_of(seed: int, count: int = 20, wanted: int = 7, same_shape: int = 0) -> list[Scene]:
    rng = random.Random(seed)
    return [sample_scene(rng, wanted, same_shape) for _ in range(count)]


def test_a_seed_gives_the_same_picture_again() -> None:
    (first,), (again,), (other,) = (scenes_of(seed, 1) for seed in (1, 1, 2))
    assert first == again and torch.equal(draw(first), draw(again))
    assert not torch.equal(draw(first), draw(other))


def test_training_choosing_and_reporting_share_no_seed() -> None:
    spans = (seeds.TRAINING, seeds.CHOOSING, seeds.REPORT)
    assert all(one.stop <= other.start for one, other in zip(spans, spans[1:], strict=False))


def test_things_stand_inside_and_every_one_can_be_told() -> None:
    for scene in scenes_of(3):
        shown = visible_masks(scene)
        for number, thing in enumerate(scene.things):
            assert thing.radius <= min(thing.x, thing.y, 192 - thing.x, 192 - thing.y)
            assert shown[number].any()
            assert all(stand_together(thing, other) for other in scene.things[:number])
        assert shown.sum(0).max() <= 1


def test_sizes_go_from_one_to_nine_cells_and_things_overlap() -> None:
    scenes = scenes_of(4, 60)
    radii = [thing.radius for scene in scenes for thing in scene.things]
    assert min(radii) < 15 and max(radii) > 60
    hidden = [
        (torch.stack([silhouette(thing, 192) for thing in scene.things]).sum(0) > 1).any()
        for scene in scenes
    ]
    assert 0.2 < sum(map(bool, hidden)) / len(hidden) <= 1


def test_as_many_things_as_asked_are_of_one_class() -> None:
    for scene in scenes_of(5, wanted=6, same_shape=4):
        shapes = [thing.shape for thing in scene.things]
        assert max(shapes.count(shape) for shape in shapes) <= 4


@pytest.mark.parametrize("pattern", ["plain", "shaded", "striped", "cored"])
def test_most_of_a_thing_has_its_colour(pattern: str) -> None:
    thing = replace(CIRCLE, pattern=pattern, second=5, angle=0.7)
    pixels = draw(Scene((thing,), QUIET))[:, silhouette(thing, 192)]
    red = (pixels[0] > 0.5) & (pixels[1] < 0.4) & (pixels[2] < 0.4)
    assert red.float().mean() > 0.6
    assert pattern == "plain" or pixels.std(1).max() > 0.05


def test_only_the_largest_are_meant_where_the_words_fit_several() -> None:
    small, large = replace(CIRCLE, x=150, radius=13), replace(CIRCLE, y=150, radius=30)
    middle = replace(CIRCLE, colour=3, radius=22)
    scene = Scene((large, middle, small), QUIET)
    by_class = Clause(0, None, None, target_shape=3, target_colour=5)
    assert matches(scene, by_class) == [0, 1, 2] and meant(scene, by_class) == [0, 1]
    assert not is_clear(scene, by_class)  # the middle one is neither large nor small
    assert meant(scene, replace(by_class, location=place_of(small, 192))) == [2]
    assert meant(scene, replace(by_class, colour=3)) == [1]
    assert targets_of(scene, replace(by_class, colour=3)) == {1: (3, 5)}


def test_places_are_the_thirds_of_the_picture() -> None:
    centres = ((9, 9), (96, 96), (180, 96))
    places = [place_of(replace(CIRCLE, x=x, y=y), 192) for x, y in centres]
    assert [LOCATIONS[place] for place in places] == ["top left", "center", "right"]
    assert LOCATIONS[place_of(replace(CIRCLE, x=120, y=120), 144)] == "bottom right"


def test_a_picture_may_be_smaller() -> None:
    rng = random.Random(10)
    scene = sample_scene(rng, 6, side=144)
    assert draw(scene).shape == (3, 144, 144) and visible_masks(scene).shape[1:] == (144, 144)
    assert max(thing.radius for thing in scene.things) <= 52
    clause = sample_clause(scene, rng)
    assert clause is not None
    targets = targets_of(scene, clause)
    assert judge(draw(scene.edited(targets)), scene, targets, draw(scene)).success == 1


def test_sampled_clauses_are_clear_and_absent_ones_fit_nothing() -> None:
    rng = random.Random(6)
    for scene in scenes_of(7, 40, same_shape=4):
        clause, missing = sample_clause(scene, rng), absent_clause(scene, rng)
        assert clause is not None and is_clear(scene, clause) and meant(scene, clause)
        assert missing is None or not matches(scene, missing)
        unique = sample_clause(scene, rng, unique=True)
        assert unique is None or len(matches(scene, unique)) == 1


def test_a_perfect_edit_succeeds_and_an_unchanged_picture_is_ignored() -> None:
    rng = random.Random(8)
    for scene in scenes_of(9, wanted=5, same_shape=2):
        clause = sample_clause(scene, rng, unique=True)
        if clause is None:
            continue
        targets, source = targets_of(scene, clause), draw(scene)
        right = judge(draw(scene.edited(targets)), scene, targets, source)
        assert (right.success, right.leak, right.ignored, right.mae_b) == (1, 0, 0, 0)
        same = judge(source, scene, targets, source)
        assert (same.success, same.leak, same.ignored, same.mae_b) == (0, 0, 1, 0)


def test_the_judge_sees_leaks_and_losses() -> None:
    things = tuple(replace(CIRCLE, x=x) for x in (40, 90, 140))
    scene, source = Scene(things, QUIET), draw(Scene(things, QUIET))
    targets = {0: (1, 3), 1: (3, 4)}
    swapped = draw(scene.edited({0: (3, 4), 1: (1, 3)}))
    verdict = judge(swapped, scene, targets, source)
    assert (verdict.success, verdict.leak, verdict.untouched) == (0, 1, 1)
    gone = draw(Scene(things[:2], QUIET))
    assert seen_things(gone, scene, {}) == [SOURCE, SOURCE, NONE]
    assert judge(gone, scene, targets, source).untouched == 0
    assert not background(scene, targets)[40, 40] and background(scene, targets)[40, 140]
