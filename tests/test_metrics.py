"""Metrics on hand-made pictures with known answers."""

from __future__ import annotations

import math
from collections.abc import Callable

import kornia
import pytest
import torch
from torch import Tensor

from instance_edit.benchmarks.leak.success import edit_success, leakage, untouched_rate
from instance_edit.demo.recognition import NONE, OTHER, shown_objects
from instance_edit.demo.scenes import (
    CELLS,
    Edits,
    Scenes,
    apply_edits,
    cell_masks,
    render,
    sample_scenes,
)
from instance_edit.demo.shapes import COLOUR_NAMES, SHAPES
from instance_edit.evaluation.metrics import (
    change_rate,
    grow_masks,
    mae_background,
    outside,
    ssim_background,
)


def scenes_of(count: int = 40, seed: int = 3) -> Scenes:
    return sample_scenes(count, torch.Generator().manual_seed(seed), min_objects=3)


def blurred(images: Tensor) -> Tensor:
    return kornia.filters.gaussian_blur2d(images, (7, 7), (1.5, 1.5))


def noisy(images: Tensor) -> Tensor:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return (images + 0.05 * noise).clamp(0, 1)


def shifted(images: Tensor) -> Tensor:
    return images.roll((1, -1), (2, 3))


@pytest.mark.parametrize("damage", [lambda images: images, noisy, blurred, shifted])
def test_every_shape_and_colour_is_recognised_through_noise_blur_and_shift(
    damage: Callable[[Tensor], Tensor],
) -> None:
    scenes = scenes_of()
    assert set(scenes.shape.flatten().tolist()) == {NONE, *range(len(SHAPES))}
    assert set(scenes.colour.flatten().tolist()) == {NONE, *range(len(COLOUR_NAMES))}
    shown = shown_objects(damage(render(scenes)), scenes)
    assert torch.equal(shown.shape, scenes.shape)
    assert torch.equal(shown.colour, scenes.colour)


def test_what_is_neither_background_nor_a_known_object_is_other() -> None:
    scenes = scenes_of(2)
    image = render(scenes)
    stripes = (torch.arange(144) % 16 < 8).float().expand(3, 144, 144)
    strange_colour = torch.tensor([0.9, 0.55, 0.75])[:, None, None].expand(3, 144, 144)
    cells = cell_masks()
    image[0] = torch.where(cells[4], stripes, image[0])
    image[1] = torch.where(cells[4], strange_colour, image[1])
    shown = shown_objects(image, scenes)
    assert shown.shape[:, 4].tolist() == shown.colour[:, 4].tolist() == [OTHER, OTHER]
    others = [cell for cell in range(CELLS) if cell != 4]
    assert torch.equal(shown.shape[:, others], scenes.shape[:, others])


def test_a_faint_stain_is_background() -> None:
    scenes = sample_scenes(1, torch.Generator().manual_seed(0), 1, 1)
    empty = int((scenes.shape[0] < 0).nonzero()[0])
    image = render(scenes)
    image = torch.where(cell_masks()[empty], image + 0.04, image)
    assert shown_objects(image, scenes).shape[0, empty] == NONE


def test_as_many_scenes_as_images_are_needed() -> None:
    with pytest.raises(ValueError, match="one scene per image is needed, got 1 and 2"):
        shown_objects(torch.zeros(1, 3, 144, 144), scenes_of(2))


def crowd() -> tuple[Scenes, Edits]:
    """Circles in cells 0, 1, 2; a square in cell 8; each circle is to become another thing."""
    scenes = sample_scenes(1, torch.Generator().manual_seed(5), 9, 9)
    scenes.shape[0] = torch.tensor([0, 0, 0, -1, -1, -1, -1, -1, 1])
    edits = Edits(torch.full((1, CELLS), -1), torch.full((1, CELLS), -1))
    edits.shape[0, :3], edits.colour[0, :3] = torch.tensor([1, 2, 3]), torch.tensor([0, 1, 2])
    return scenes, edits


def result_showing(scenes: Scenes, cells: dict[int, tuple[int, int]]) -> Tensor:
    """The picture with these cells made into (shape, colour)."""
    made = Edits(torch.full((1, CELLS), -1), torch.full((1, CELLS), -1))
    for cell, (shape, colour) in cells.items():
        scenes.shape[0, cell] = max(int(scenes.shape[0, cell]), 0)
        made.shape[0, cell], made.colour[0, cell] = shape, colour
    return render(apply_edits(scenes, made))


@pytest.mark.parametrize(
    ("cells", "success", "leak", "untouched"),
    [
        ({0: (1, 0), 1: (2, 1), 2: (3, 2)}, 3, 0, 6),
        ({}, 0, 0, 6),
        ({0: (1, 0), 1: (1, 0), 2: (1, 0)}, 1, 2, 6),
        ({0: (2, 1), 1: (1, 0), 2: (3, 2)}, 1, 2, 6),
        ({0: (1, 1), 1: (2, 1), 2: (3, 2)}, 2, 0, 6),
        ({0: (1, 0), 1: (2, 1), 2: (3, 2), 8: (1, 0), 5: (1, 0)}, 3, 0, 4),
    ],
    ids=["perfect", "nothing done", "one for all", "swapped", "half right", "too much"],
)
def test_instances_are_counted_by_hand(
    cells: dict[int, tuple[int, int]], success: int, leak: int, untouched: int
) -> None:
    scenes, edits = crowd()
    scenes.colour[0, 8] = 4
    before = Scenes(**{**vars(scenes), "shape": scenes.shape.clone()})
    shown = shown_objects(result_showing(scenes, cells), before)
    assert edit_success(shown, edits).item() == pytest.approx(success / 3)
    assert leakage(shown, edits).item() == pytest.approx(leak / 3)
    assert untouched_rate(shown, before, edits).item() == pytest.approx(untouched / 6)


def test_without_bystanders_untouched_is_not_a_number() -> None:
    scenes, edits = crowd()
    edits.shape[:] = 1
    shown = shown_objects(render(scenes), scenes)
    assert math.isnan(untouched_rate(shown, scenes, edits).item())


def half_masks() -> Tensor:
    """(1, 2, 16, 16): the top left quarter and the bottom right one."""
    masks = torch.zeros(1, 2, 16, 16, dtype=torch.bool)
    masks[0, 0, :8, :8] = masks[0, 1, 8:, 8:] = True
    return masks


def test_mae_counts_background_pixels_only_on_the_scale_of_a_byte() -> None:
    source = torch.zeros(1, 3, 16, 16)
    result = source.clone()
    result[:, :, :8, :8] = 1.0
    result[:, 0, 8:, :8] = 30 / 255
    background = outside(half_masks())
    assert background.sum() == 128
    assert mae_background(source, result, background).item() == pytest.approx(30 / 3 / 2)


def test_ssim_is_one_when_only_instances_change_and_less_when_the_background_does() -> None:
    source = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    background = outside(half_masks())
    inside = torch.where(background[:, None], source, 1 - source)
    assert ssim_background(source, inside, background).item() == pytest.approx(1, abs=1e-5)
    both = 1 - source
    value = ssim_background(source, both, background).item()
    kept = torch.where(background[:, None], both, source)[0]
    assert value == pytest.approx(naive_ssim(source[0], kept, background[0]), abs=1e-4)
    assert value < 0.5


def naive_ssim(first: Tensor, second: Tensor, background: Tensor) -> float:
    """SSIM written out pixel by pixel, reflected at the border as kornia does."""
    x = torch.arange(11) - 5.0
    line = torch.exp(-(x**2) / (2 * 1.5**2))
    window = torch.outer(line, line) / line.sum() ** 2
    values = []
    for channel in range(3):
        a, b = (
            torch.nn.functional.pad(image[None, None, channel], (5, 5, 5, 5), "reflect")[0, 0]
            for image in (first, second)
        )
        for row, column in background.nonzero().tolist():
            p, q = a[row : row + 11, column : column + 11], b[row : row + 11, column : column + 11]
            mean_p, mean_q = (window * p).sum(), (window * q).sum()
            var_p, var_q = (window * p * p).sum() - mean_p**2, (window * q * q).sum() - mean_q**2
            both = (window * p * q).sum() - mean_p * mean_q
            low, high = 0.01**2, 0.03**2
            top = (2 * mean_p * mean_q + low) * (2 * both + high)
            values.append(top / ((mean_p**2 + mean_q**2 + low) * (var_p + var_q + high)))
    return float(torch.stack(values).mean())


def test_an_instance_counts_as_changed_above_the_threshold() -> None:
    source = torch.zeros(1, 3, 16, 16)
    result = source.clone()
    result[:, :, :8, :8] = 12 / 255
    result[:, :, 8:, 8:] = 8 / 255
    assert change_rate(source, result, half_masks()).item() == 0.5
    assert change_rate(source, result, half_masks(), threshold=5).item() == 1.0
    assert change_rate(source, result, half_masks(), threshold=13).item() == 0.0


def test_a_margin_grows_the_masks_along_both_axes() -> None:
    masks = torch.zeros(1, 1, 9, 9, dtype=torch.bool)
    masks[0, 0, 4, 4] = True
    grown = grow_masks(masks, 2)
    assert grown.sum() == 25 and grown[0, 0, 2:7, 2:7].all()
    assert outside(masks, 2).sum() == 81 - 25
    assert torch.equal(grow_masks(masks, 0), masks)
