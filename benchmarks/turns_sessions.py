"""Editing sessions on the demo's scenes: one object after the other becomes something else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..demo.instructions import Clause, clause_for, edits_of, phrase
from ..demo.scenes import (
    CELLS,
    Edits,
    Scenes,
    apply_edits,
    concatenate,
    object_masks,
    render,
    sample_scenes,
)
from ..evaluation.matching import shown_objects
from ..evaluation.metrics import edit_success, grow_masks, mae_background, outside

SEED = 70_000
MARGIN = 4


@dataclass(frozen=True)
class Session:
    """One scene (a batch of one) and the edit of every round, each of another object."""

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
    def masks(self) -> Tensor:
        """(rounds, 144, 144) float, the edited objects as one would paint them."""
        return grow_masks(object_masks(self.scene)[:, list(self.cells)], MARGIN)[0].float()

    @property
    def background(self) -> Tensor:
        """(1, 144, 144) bool: away from every object that is edited in any round."""
        after = apply_edits(self.scene, self.edits(len(self.clauses)))
        places = [object_masks(scene)[:, list(self.cells)] for scene in (self.scene, after)]
        return outside(torch.cat(places, dim=1), MARGIN)

    def edits(self, stop: int, start: int = 0) -> Edits:
        """What the rounds from ``start`` to before ``stop`` (counted from 0) do together."""
        return edits_of(self.scene, [self.clauses[start:stop]])


def editing_sessions(count: int, rounds: int) -> list[Session]:
    """``count`` sessions over scenes with an object in every cell; always the same ones."""
    generator = torch.Generator().manual_seed(SEED)
    rng = random.Random(SEED)
    scenes = sample_scenes(count, generator, CELLS, CELLS)
    sessions: list[Session] = []
    for i in range(count):
        scene = scenes[slice(i, i + 1)]
        shapes, colours = scene.shape[0].tolist(), scene.colour[0].tolist()
        cells = rng.sample(range(CELLS), rounds)
        clauses = [clause_for(rng, shapes[c], colours[c], c, False, True) for c in cells]
        sessions.append(Session(scene, tuple(clauses), tuple(cells)))
    return sessions


@dataclass(frozen=True)
class Judgement:
    """Means over sessions after one round: shares in [0, 1], and the background's 0-255 error."""

    success: float
    held: float
    drift: float


def judge_round(sessions: Sequence[Session], results: Tensor, rounds: int) -> Judgement:
    """Judge (B, 3, 144, 144) results after ``rounds`` rounds, one per session.

    ``success`` is the last round's edit; ``held`` is the share of all edits so far that show.
    """
    batch = concatenate([session.scene for session in sessions])
    shown = shown_objects(results, batch)
    last = join([session.edits(rounds, rounds - 1) for session in sessions])
    so_far = join([session.edits(rounds) for session in sessions])
    background = torch.cat([session.background for session in sessions])
    return Judgement(
        success=float(edit_success(shown, last).mean()),
        held=float(edit_success(shown, so_far).mean()),
        drift=float(mae_background(render(batch), results, background).mean()),
    )


def join(parts: Sequence[Edits]) -> Edits:
    """Edits of several scenes as one batch."""
    return Edits(torch.cat([p.shape for p in parts]), torch.cat([p.colour for p in parts]))


def psnr(first: Tensor, second: Tensor) -> float:
    """Mean peak signal-to-noise ratio in dB of two (B, 3, H, W) batches in [0, 1]."""
    error = (first - second).square().mean((1, 2, 3)).clamp(min=1e-10)
    return float((-10 * error.log10()).mean())
