"""What each thing of a picture became: the one judge of crowded scenes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..shapes import colour_table
from .drawing import Window, cover, covers, draw_ground, paint, part_of, silhouette, window_of
from .scene import Scene, Target, Targets, Thing

MIN_FIT = 0.6
MIN_CONTRAST = 0.06
SOURCE, NONE, OTHER = "source", "none", "other"
Seen = Target | str


@dataclass(frozen=True)
class Verdict:
    """Shares in [0, 1] of one edited picture.

    Attributes:
        success: of the things to be edited, that show exactly their target.
        leak: of them, that show another one's target and not their own.
        ignored: of them, that still show the source.
        untouched: of the other things, that show the source; nan without any.
        mae_b: mean absolute error, 0-255, away from what was edited as it was and shall become.
    """

    success: float
    leak: float
    ignored: float
    untouched: float
    mae_b: float


def judge(picture: Tensor, scene: Scene, targets: Targets, source: Tensor) -> Verdict:
    """Compare (3, side, side) in [0, 1] with what was asked of the scene drawn as ``source``."""
    seen = seen_things(picture, scene, targets)
    asked = [seen[number] == target for number, target in targets.items()]
    leaks = [
        seen[number] != target and seen[number] in targets.values()
        for number, target in targets.items()
    ]
    same = [seen[number] == SOURCE for number in targets]
    rest = [kind == SOURCE for number, kind in enumerate(seen) if number not in targets]
    outside = background(scene, targets)
    error = (picture - source).abs().mean(0)[outside].mean() * 255
    return Verdict(*map(mean_of, (asked, leaks, same, rest)), float(error))


def mean_of(values: list[bool]) -> float:
    """Share of true ones; nan of none."""
    return sum(values) / len(values) if values else float("nan")


def background(scene: Scene, targets: Targets, margin: int = 6) -> Tensor:
    """(side, side) bool: farther than ``margin`` pixels from edited things before and after."""
    after = scene.edited(targets)
    masks = [
        silhouette(part.things[number], scene.side) for part in (scene, after) for number in targets
    ]
    if not masks:
        return torch.ones(scene.side, scene.side, dtype=torch.bool)
    edited = torch.stack(masks).any(0).float()[None]
    return torch.nn.functional.max_pool2d(edited, 2 * margin + 1, 1, margin)[0] == 0


def seen_things(picture: Tensor, scene: Scene, targets: Targets) -> list[Seen]:
    """What each thing shows: (shape, colour), SOURCE, NONE (what is below it) or OTHER.

    A thing is compared, by squared error where nothing is drawn over it, with itself and with all
    48 plain ones at its place, on what shall be below it. The best counts if it explains at least
    MIN_FIT of what differs from what is below.
    """
    wanted = scene.edited(targets)
    below, seen = draw_ground(scene.ground, scene.side), list[Seen]()
    for number, thing in enumerate(scene.things):
        window = window_of(thing, scene.side)
        over = (*scene.things[number + 1 :], *wanted.things[number + 1 :])
        weight = free_of(over, thing, window)
        ground = part_of(below, window)
        seen.append(best_match(part_of(picture, window), ground, thing, window, weight))
        shown = wanted.things[number]
        ground.copy_(torch.lerp(ground, paint(shown, window), cover(shown, window)))
    return seen


def free_of(over: Iterable[Thing], thing: Thing, window: Window) -> Tensor:
    """(h, w) in [0, 1]: how much of each pixel no thing of ``over`` covers."""
    rows, columns = window
    weight = torch.ones(rows.stop - rows.start, columns.stop - columns.start)
    for other in over:
        if near(other, thing):
            weight = weight * (1 - cover(other, window))
    return weight


def near(one: Thing, other: Thing) -> bool:
    """Whether their windows can meet."""
    return one.distance(other) < 2 * (one.radius + other.radius)


def best_match(
    picture: Tensor, below: Tensor, thing: Thing, window: Window, weight: Tensor
) -> Seen:
    """What the pixels (3, h, w) of a window show, given (h, w) weights."""

    def error(drawn: Tensor) -> float:
        return float(((picture - drawn).square().sum(0) * weight).sum())

    nothing, area = error(below), float(weight.sum()) * 3
    best = error(torch.lerp(below, paint(thing, window), cover(thing, window)))
    found: Seen = SOURCE
    colours = colour_table()
    alpha = covers(thing, window)[:, None]  # (shapes, 1, h, w)
    rest = picture - below * (1 - alpha)
    along = torch.einsum("schw,kc->sk", rest * alpha * weight, colours)
    areas = (alpha.square() * weight).sum((1, 2, 3))[:, None]
    errors = (rest.square() * weight).sum((1, 2, 3))[:, None] - 2 * along
    errors = errors + areas * colours.square().sum(1)  # (shapes, colours)
    if thing.pattern == "plain":
        errors[thing.shape, thing.colour] = torch.inf  # the source, as it was drawn
    if float(errors.min()) < best:
        best, found = float(errors.min()), divmod(int(errors.argmin()), len(colours))
    if best < nothing and 1 - best / max(nothing, 1e-9) >= MIN_FIT:
        return found
    return OTHER if (nothing / max(area, 1.0)) ** 0.5 >= MIN_CONTRAST else NONE
