"""The demo's training: its quick checks use the pack's own masks, its log becomes a picture."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from PIL import Image

from instance_edit.attention.idattn import idattn_bias
from instance_edit.attention.tokens import TokenLayout
from instance_edit.demo.scenes import CELLS, Edits, apply_edits, render, sample_scenes
from instance_edit.demo.training.curves import draw_curves, read_log
from instance_edit.demo.training.evaluate import disentangled_mask
from instance_edit.demo.training.judging import judge
from instance_edit.demo.training.train_text import exercise

LOG = """
12:00 flow step 20 (1.0 %): loss 2.0 auxiliary 20.0 0.70 s
12:01 flow step 40 (2.0 %): loss 1.0 auxiliary 10.0 0.70 s
12:01 check 40 single: success 0.750 clean 0.700 ignored 0.000 leak 0.000 mae_b 2.00
12:02 flow step 40 (2.0 %): loss 0.1 auxiliary 1.0 0.70 s
"""


def test_the_quick_checks_masks_are_idattns() -> None:
    masks = torch.zeros(1, 2, 9, 9, dtype=torch.bool)
    masks[0, 0, :3, :3] = masks[0, 1, 2:6, 4:] = True
    layout = TokenLayout((1, 5, 7), (9, 9), ((9, 9),))
    expected = idattn_bias(layout, masks[0], kind="dis").dense() == 0
    assert torch.equal(disentangled_mask(masks, [1, 5, 7])[0, 0], expected)


def test_a_judge_tells_success_from_ignored_and_leaked() -> None:
    scenes = sample_scenes(6, torch.Generator().manual_seed(1), 9, 9)
    shape, colour = torch.full((2, 6, CELLS), -1).unbind(0)
    shape, colour = shape.clone(), colour.clone()
    for cell in (0, 1):  # two cells that swap what they show
        shape[:, cell] = (scenes.shape[:, cell] + 1) % 6
        colour[:, cell] = cell
    edits = Edits(shape, colour)
    right = judge(render(apply_edits(scenes, edits)), scenes, edits)
    assert (right.success, right.clean, right.leak, right.ignored) == (1, 1, 0, 0)
    assert right.mae_b == 0
    unchanged = judge(render(scenes), scenes, edits)
    assert unchanged.success == 0 and unchanged.ignored > 0.8
    swapped = Edits(shape.clone(), colour.clone())
    swapped.shape[:, :2], swapped.colour[:, :2] = shape[:, [1, 0]], colour[:, [1, 0]]
    leaked = judge(render(apply_edits(scenes, swapped)), scenes, edits)
    assert leaked.success == 0 and leaked.leak == 1


def test_every_token_of_an_exercise_has_its_answers() -> None:
    rng = random.Random(0)
    for _ in range(50):
        tokens, labels = exercise(rng)
        assert len(tokens) == len(labels) and all(len(row) == 5 for row in labels)


def test_a_resumed_log_counts_its_latest_lines(tmp_path: Path) -> None:
    losses, checks = read_log(LOG)
    assert losses["flow"] == [(20.0, pytest.approx(0.30103)), (40.0, pytest.approx(-1.0))]
    assert checks == {"single success": [(40.0, 0.75)]}
    draw_curves(LOG, tmp_path / "curves.png")
    assert Image.open(tmp_path / "curves.png").size == (900, 600)
    draw_curves("", tmp_path / "empty.png")
