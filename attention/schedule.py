"""When a bias acts: in which blocks of the model and at which steps of the sampling."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

OFF = "off"


@dataclass(frozen=True)
class Stage:
    """A run of blocks with one kind of bias.

    Attributes:
        kind: name of the bias used there, or "off".
        start, stop: the run [start, stop): fractions of all blocks if both are floats, block
            numbers (doubles first, then singles) if both are ints.
    """

    kind: str
    start: float
    stop: float

    def blocks(self, total: int) -> range:
        """Numbers of its blocks in a model with ``total`` blocks."""
        if isinstance(self.start, int) and isinstance(self.stop, int):
            return range(self.start, min(self.stop, total))
        return range(round(self.start * total), round(self.stop * total))


def equal_stages(kinds: Sequence[str]) -> tuple[Stage, ...]:
    """Equal parts of the block list, e.g. ("har", "dis", "har") for IDAttn's thirds."""
    count = len(kinds)
    return tuple(Stage(kind, i / count, (i + 1) / count) for i, kind in enumerate(kinds))


def parse_stages(text: str, kinds: Sequence[str]) -> tuple[Stage, ...]:
    """Read explicit stages: ``har 0-18, dis 19-37, har 38-56`` or ``dis 0%-50%, off 50%-100%``.

    Block numbers include the last; percents run from the first to the last block.

    Raises:
        ValueError: another form, an unknown kind, or a run that is empty or overlaps another.
    """
    stages = [_parse_stage(part, kinds) for part in text.split(",") if part.strip()]
    if not stages:
        raise ValueError("the block schedule is empty: write e.g. 'har 0-18, dis 19-37'.")
    for unit in (int, float):
        runs = sorted((s.start, s.stop) for s in stages if type(s.start) is unit)
        if any(after[0] < before[1] for before, after in zip(runs, runs[1:], strict=False)):
            raise ValueError(f"the runs of the block schedule must not overlap, got {text!r}.")
    return tuple(stages)


def _parse_stage(part: str, kinds: Sequence[str]) -> Stage:
    match = re.fullmatch(r"\s*([\w-]+)\s+([\d.]+)(%?)\s*-\s*([\d.]+)(%?)\s*", part)
    if not match or match[3] != match[5] or match[1] not in (*kinds, OFF):
        raise ValueError(
            f"a stage must be a kind ({', '.join((*kinds, OFF))}) and a run of blocks such as "
            f"'{kinds[0]} 0-18' or '{kinds[0]} 0%-33%', got {part.strip()!r}."
        )
    try:
        if match[3]:
            stage = Stage(match[1], float(match[2]) / 100, float(match[4]) / 100)
        else:
            stage = Stage(match[1], int(match[2]), int(match[4]) + 1)
    except ValueError as error:
        raise ValueError(
            f"block numbers must be whole and percents 0 to 100, got {part.strip()!r}."
        ) from error
    if stage.stop <= stage.start or (match[3] and stage.stop > 1):
        raise ValueError(f"the run of blocks in {part.strip()!r} is empty or ends past 100 %.")
    return stage


def block_kinds(stages: Sequence[Stage], total: int) -> tuple[str, ...]:
    """Kind of every block of a model, "off" where no stage says otherwise."""
    kinds = [OFF] * total
    for stage in stages:
        for block in stage.blocks(total):
            kinds[block] = stage.kind
    return tuple(kinds)


def sampling_progress(sigma: float, sigmas: Tensor) -> float:
    """How far the sampling is, in [0, 1]: step number over steps, linear between steps.

    Args:
        sigma: noise level of this model call.
        sigmas: (steps + 1,) the sampler's schedule, falling.
    """
    levels = [float(level) for level in sigmas]
    steps = len(levels) - 1
    for i in range(steps):
        if sigma >= levels[i] * (1 - 1e-5):
            return i / steps
        if sigma > levels[i + 1] * (1 + 1e-5):
            return (i + (levels[i] - sigma) / (levels[i] - levels[i + 1])) / steps
    return 1.0


def in_window(progress: float, start: float, end: float) -> bool:
    """True from ``start`` up to but not including ``end``; an end of 1 includes the last call."""
    return start - 1e-6 <= progress and (progress < end - 1e-6 or end >= 1)
