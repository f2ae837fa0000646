"""Did every cell become what was asked of it, and of no other? Counted on what cells show."""

from __future__ import annotations

import torch
from torch import Tensor

from ...demo.scenes import Edits, Scenes
from ...evaluation.metrics import share_of
from .matching import Shown


def edit_success(shown: Shown, edits: Edits) -> Tensor:
    """(B,) share of the edited cells that show exactly their target's shape and colour."""
    return share_of(_shows(shown, edits.shape, edits.colour), edits.shape >= 0)


def leakage(shown: Shown, edits: Edits) -> Tensor:
    """(B,) share of the edited cells that show another edited cell's target, and not their own."""
    asked = edits.shape >= 0
    leaked = torch.zeros_like(asked)
    for turn in range(1, asked.shape[1]):
        shape, colour, there = (t.roll(turn, 1) for t in (edits.shape, edits.colour, asked))
        leaked |= _shows(shown, shape, colour) & there
    return share_of(leaked & ~_shows(shown, edits.shape, edits.colour), asked)


def untouched_rate(shown: Shown, scenes: Scenes, edits: Edits) -> Tensor:
    """(B,) share of the cells without an instruction, empty ones too, that show what they did."""
    return share_of(_shows(shown, scenes.shape, scenes.colour), edits.shape < 0)


def _shows(shown: Shown, shape: Tensor, colour: Tensor) -> Tensor:
    """(B, 9) bool: a cell shows this shape and colour; an empty cell has no colour."""
    return (shown.shape == shape) & ((shown.colour == colour) | (shape < 0))
