"""Editing sessions on the demo's scenes: a few objects change again and again, the others stay."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...demo.instructions import Clause, clause_for, phrase
from ...demo.recognition import shown_objects
from ...demo.scenes import (
    CELLS,
    Edits,
    Scenes,
    apply_edits,
    cell_masks,
    concatenate,
    object_masks,
    render,
    sample_scenes,
)
from ...evaluation.metrics import grow_masks, mae_background, outside
from ..leak.success import edit_success

SEED = 70_000
OBJECTS = 4  # are edited; the other five are background
MASK_MARGIN = 6
BACKGROUND_MARGIN = 8


@dataclass(frozen=True)
class Session:
    """One scene (a batch of one) and the edit of every round, of its objects in turn.

    Attributes:
        clauses: one per round; each names the object as the rounds before have left it.
        cells: the cell of each round's object.
    """

    scene: Scenes
    clauses: tuple[Clause, ...]
    cells: tuple[int, ...]

    @property
    def instructions(self) -> list[str]:
        """One per round, e.g. "replace the circle at top left with a red square"."""
        return [phrase(clause) for clause in self.clauses]

    @property
    def picture(self) -> Tensor:
        """(1, 144, 144, 3) the source, as ComfyUI's IMAGE."""
        return render(self.scene).movedim(1, -1)

    @property
    def background(self) -> Tensor:
        """(1, 144, 144) bool: away from the cells of all objects that are edited."""
        return outside(cell_masks()[None, sorted(set(self.cells))], BACKGROUND_MARGIN)

    def mask(self, number: int) -> Tensor:
        """(1, 144, 144) float, the object of round ``number`` (from 0) as one would paint it."""
        before = apply_edits(self.scene, self.edits(number))
        return grow_masks(object_masks(before)[:, [self.cells[number]]], MASK_MARGIN)[0].float()

    def at_once(self, rounds: int) -> tuple[list[str], Tensor]:
        """What the first rounds come to, for one pass: instructions and (N, 144, 144) masks."""
        last = {
            cell: clause for cell, clause in zip(self.cells[:rounds], self.clauses, strict=False)
        }
        shapes = self.scene.shape[0].tolist()
        instructions = [
            phrase(replace(clause, shape=shapes[cell])) for cell, clause in last.items()
        ]
        silhouettes = object_masks(self.scene)[:, list(last)]
        return instructions, grow_masks(silhouettes, MASK_MARGIN)[0].float()

    def edits(self, stop: int, start: int = 0) -> Edits:
        """What the rounds from ``start`` to before ``stop`` (counted from 0) come to."""
        shape, colour = torch.full((1, CELLS), -1), torch.full((1, CELLS), -1)
        for number in range(start, stop):
            clause, cell = self.clauses[number], self.cells[number]
            shape[0, cell], colour[0, cell] = clause.target_shape, clause.target_colour
        return Edits(shape, colour)


def editing_sessions(count: int, rounds: int) -> list[Session]:
    """``count`` sessions over scenes with an object in every cell; always the same ones."""
    generator = torch.Generator().manual_seed(SEED)
    rng = random.Random(SEED)
    scenes = sample_scenes(count, generator, CELLS, CELLS)
    sessions: list[Session] = []
    for i in range(count):
        scene = scenes[slice(i, i + 1)]
        now = list(zip(scene.shape[0].tolist(), scene.colour[0].tolist(), strict=True))
        chosen = rng.sample(range(CELLS), OBJECTS)
        cells = [chosen[number % OBJECTS] for number in range(rounds)]
        clauses: list[Clause] = []
        for cell in cells:
            clause = clause_for(rng, *now[cell], cell, False, True)
            now[cell] = (clause.target_shape, clause.target_colour)
            clauses.append(clause)
        sessions.append(Session(scene, tuple(clauses), tuple(cells)))
    return sessions


@dataclass(frozen=True)
class Judgement:
    """Means over sessions after one round: shares in [0, 1], errors on the scale 0-255.

    Attributes:
        success: of the last round's edit.
        held: share of the edited objects that show what they were last told to be.
        drift: mean absolute error over the background against the unedited picture after the VAE.
        mae_b: the same against the source itself.
    """

    success: float
    held: float
    drift: float
    mae_b: float


def judge_round(
    sessions: Sequence[Session], unedited: Tensor, results: Tensor, rounds: int
) -> Judgement:
    """Judge (B, 3, 144, 144) results after ``rounds`` rounds, one per session."""
    batch = concatenate([session.scene for session in sessions])
    shown = shown_objects(results, batch)
    last = join([session.edits(rounds, rounds - 1) for session in sessions])
    so_far = join([session.edits(rounds) for session in sessions])
    background = torch.cat([session.background for session in sessions])
    return Judgement(
        success=float(edit_success(shown, last).mean()),
        held=float(edit_success(shown, so_far).mean()),
        drift=float(mae_background(unedited, results, background).mean()),
        mae_b=float(mae_background(render(batch), results, background).mean()),
    )


def join(parts: Sequence[Edits]) -> Edits:
    """Edits of several scenes as one batch."""
    return Edits(torch.cat([p.shape for p in parts]), torch.cat([p.colour for p in parts]))


def psnr(first: Tensor, second: Tensor) -> float:
    """Mean peak signal-to-noise ratio in dB of two (B, 3, H, W) batches in [0, 1]."""
    error = (first - second).square().mean((1, 2, 3)).clamp(min=1e-10)
    return float((-10 * error.log10()).mean())
