"""The demo's training: its quick checks use the pack's own masks, its log becomes a picture."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Literal

import pytest
import torch
from PIL import Image

from instance_edit.attention.idattn import idattn_bias
from instance_edit.attention.tokens import TokenLayout
from instance_edit.demo.codec import LinearEncoder, fit_encoder
from instance_edit.demo.instructions import phrase
from instance_edit.demo.scenes import CELLS, Edits, apply_edits, render, sample_scenes
from instance_edit.demo.text import INDEX, TextEncoder, tokenize
from instance_edit.demo.training.curves import draw_curves, read_log
from instance_edit.demo.training.evaluate import idattn_mask, linear_pictures
from instance_edit.demo.training.flow_data import (
    LENGTH,
    Batch,
    BatchSource,
    token_weights,
    training_clause,
    training_scene,
)
from instance_edit.demo.training.judging import judge
from instance_edit.demo.training.train_flow import DECAY, rate_at
from instance_edit.demo.training.train_text import exercise

LOG = """
12:00 flow step 20 (1.0 %): loss 2.0 auxiliary 20.0 0.70 s
12:01 flow step 40 (2.0 %): loss 1.0 auxiliary 10.0 0.70 s
12:01 check 40 dis_5: success 0.750 leak 0.000 ignored 0.000 untouched 1.000 mae_b 2.00
12:02 flow step 40 (2.0 %): loss 0.1 auxiliary 1.0 0.70 s
"""


@pytest.mark.parametrize("kind", ["dis", "har"])
def test_the_quick_checks_masks_are_idattns(kind: Literal["dis", "har"]) -> None:
    masks = torch.zeros(2, 9, 9, dtype=torch.bool)
    masks[0, :3, :3] = masks[1, 2:6, 4:] = True
    layout = TokenLayout((1, 5, 7), (9, 9), ((9, 9),))
    expected = idattn_bias(layout, masks, kind=kind).dense() == 0
    assert torch.equal(idattn_mask(masks, [1, 5, 7], kind), expected)


def test_no_training_prompt_has_more_than_one_instruction() -> None:
    rng = random.Random(1)
    prompts = [exercise(rng)[0] for _ in range(300)]
    replaces, joins = ([row.count(INDEX[word]) for row in prompts] for word in ("replace", "and"))
    assert set(replaces) == {0, 1}
    assert all(row[-2] == INDEX["and"] for row, n in zip(prompts, joins, strict=True) if n)
    for _ in range(40):
        scene = training_scene(rng, 192)
        clause = training_clause(scene, rng)
        assert clause is None or len(tokenize("") + tokenize(phrase(clause))) <= LENGTH


def test_a_batch_changes_the_tokens_of_what_is_asked_for_alone() -> None:
    encoder = LinearEncoder(torch.zeros(192), torch.eye(192)[:, :16])
    batch = BatchSource(encoder, TextEncoder(), seed=5).draw()
    assert batch.source.shape == batch.target.shape == (36, 16, 24, 24)
    changed = (batch.before != batch.after).any(-1)
    assert changed.any() and (batch.before[changed] >= 0).all()
    tokens = torch.nn.functional.max_pool2d((batch.source - batch.target).abs().amax(1), 2) > 0.2
    far = ~torch.nn.functional.max_pool2d(changed.unflatten(1, (12, 12)).float(), 3, 1, 1).bool()
    assert not (tokens & far)[changed.any(1)].any()
    assert torch.equal(batch.source[~changed.any(1)], batch.target[~changed.any(1)])


def test_what_the_words_change_counts_most() -> None:
    labels = torch.tensor([[[-1, -1], [0, 1], [2, 3]]])
    after = labels.clone()
    after[0, 2, 1] = 5
    batch = Batch(*torch.zeros(4, 1), before=labels, after=after, place=torch.zeros(1, 3, 2, 2))
    assert token_weights(batch).tolist() == [[1, 3, 8]]


def test_a_linear_picture_is_what_the_codec_can_hold() -> None:
    generator = torch.Generator().manual_seed(0)
    flat = torch.rand(2, 3, 1, 1, generator=generator).expand(-1, -1, 192, 192)
    encoder = fit_encoder(
        torch.rand(64, 3, 1, 1, generator=generator).expand(-1, -1, 16, 16).contiguous()
    )
    picture = linear_pictures(encoder, encoder.encode(flat))
    torch.testing.assert_close(picture, flat.contiguous(), rtol=0, atol=1e-3)


def test_the_rate_rises_stays_and_falls() -> None:
    assert rate_at(0, 0.0) < rate_at(50, 0.01) < rate_at(99, 0.02) == 1 == rate_at(3000, DECAY)
    assert rate_at(4000, 0.8) == pytest.approx(0.2 / (1 - DECAY))
    assert rate_at(5000, 1.0) == 0.01


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
    assert checks == {"dis_5 success": [(40.0, 0.75)]}
    draw_curves(LOG, tmp_path / "curves.png")
    assert Image.open(tmp_path / "curves.png").size == (900, 600)
    draw_curves("", tmp_path / "empty.png")
