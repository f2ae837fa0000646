"""Did every cell become what was asked of it, and of no other? Shares of what cells show."""

from __future__ import annotations

from torch import Tensor

from ...demo.recognition import Shown, shows_anothers_target, shows_source, shows_target
from ...demo.scenes import Edits, Scenes
from ...evaluation.metrics import share_of


def edit_success(shown: Shown, edits: Edits) -> Tensor:
    """(B,) share of the edited cells that show exactly their target's shape and colour."""
    return share_of(shows_target(shown, edits), edits.shape >= 0)


def leakage(shown: Shown, edits: Edits) -> Tensor:
    """(B,) share of the edited cells that show another edited cell's target, and not their own."""
    return share_of(shows_anothers_target(shown, edits), edits.shape >= 0)


def untouched_rate(shown: Shown, scenes: Scenes, edits: Edits) -> Tensor:
    """(B,) share of the cells without an instruction, empty ones too, that show what they did."""
    return share_of(shows_source(shown, scenes), edits.shape < 0)
