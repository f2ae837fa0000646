"""In which blocks of the model a bias acts; ``window`` says when in the sampling."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

OFF = "off"


@dataclass(frozen=True)
class Blocks:
    """The blocks ``first`` to ``last``, both included, numbered from 0: doubles, then singles."""

    first: int
    last: int

    def __post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise ValueError(f"block numbers must satisfy 0 <= first <= last, got {self}.")

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def of(self, total: int) -> range:
        """Their numbers in a model with ``total`` blocks.

        Raises:
            ValueError: the model is not that deep.
        """
        if self.last >= total:
            raise ValueError(
                f"the run of blocks {self} ends past the last of the model's {total} blocks "
                f"(0 .. {total - 1}, doubles first). Name blocks that it has, or a share such as "
                "0%-33%, which suits every model."
            )
        return range(self.first, self.last + 1)


@dataclass(frozen=True)
class Share:
    """The part ``start`` to ``end`` of all blocks, as fractions of the model's depth."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= 1:
            raise ValueError(
                f"a share of the blocks must satisfy 0% <= start < end <= 100%, got {self}."
            )

    def __str__(self) -> str:
        return f"{100 * self.start:.4g}%-{100 * self.end:.4g}%"

    def of(self, total: int) -> range:
        """Their numbers in a model with ``total`` blocks; its bounds go to the nearest block."""
        return range(round(self.start * total), round(self.end * total))


@dataclass(frozen=True)
class Stage:
    """A run of blocks with one kind of bias.

    Attributes:
        kind: name of the bias used there, or "off".
        run: where it acts; ``run.of(total)`` are the numbers of its blocks.
    """

    kind: str
    run: Blocks | Share

    def __str__(self) -> str:
        return f"{self.kind} {self.run}"


def equal_stages(kinds: Sequence[str]) -> tuple[Stage, ...]:
    """Equal parts of the block list, e.g. ("har", "dis", "har") for IDAttn's thirds."""
    count = len(kinds)
    return tuple(Stage(kind, Share(i / count, (i + 1) / count)) for i, kind in enumerate(kinds))


def parse_stages(text: str, kinds: Sequence[str]) -> tuple[Stage, ...]:
    """Read explicit stages: ``har 0-18, dis 19-37, har 38-56`` or ``dis 0%-50%, off 50%-100%``.

    Block numbers include the last; percents run from the first to the last block.

    Raises:
        ValueError: another form, an unknown kind, a run that is empty, or one that overlaps
            another of the same unit. Numbers and percents are compared by ``block_kinds``.
    """
    stages = tuple(_parse_stage(part.strip(), kinds) for part in text.split(",") if part.strip())
    if not stages:
        raise ValueError("the block schedule is empty: write e.g. 'har 0-18, dis 19-37'.")
    runs = [stage.run for stage in stages]
    blocks = sorted((run.first, run.last + 1) for run in runs if isinstance(run, Blocks))
    shares = sorted((run.start, run.end) for run in runs if isinstance(run, Share))
    for bounds in (blocks, shares):
        if any(after[0] < before[1] for before, after in pairwise(bounds)):
            raise ValueError(f"the runs of the block schedule must not overlap, got {text!r}.")
    return stages


def _parse_stage(part: str, kinds: Sequence[str]) -> Stage:
    match = re.fullmatch(r"([\w-]+)\s+([\d.]+)(%?)\s*-\s*([\d.]+)(%?)", part)
    if not match or match[3] != match[5] or match[1] not in (*kinds, OFF):
        raise ValueError(
            f"a stage must be a kind ({', '.join((*kinds, OFF))}) and a run of blocks such as "
            f"'{kinds[0]} 0-18' or '{kinds[0]} 0%-33%', got {part!r}."
        )
    try:
        if match[3]:
            return Stage(match[1], Share(float(match[2]) / 100, float(match[4]) / 100))
        return Stage(match[1], Blocks(int(match[2]), int(match[4])))
    except ValueError as error:
        raise ValueError(
            "a run of blocks must be two whole numbers, the second not the smaller, or two rising "
            f"percents up to 100 %, got {part!r}."
        ) from error


def block_kinds(stages: Sequence[Stage], total: int) -> tuple[str, ...]:
    """Kind of every block of a model with ``total`` blocks, "off" where no stage names it.

    Raises:
        ValueError: a run ends past the last block, or two runs share a block.
    """
    named: list[Stage | None] = [None] * total
    for stage in stages:
        for block in stage.run.of(total):
            other = named[block]
            if other is not None:
                raise ValueError(
                    f"the runs '{other}' and '{stage}' of the block schedule overlap: in a model "
                    f"of {total} blocks both name block {block}. Shorten one of them."
                )
            named[block] = stage
    return tuple(OFF if stage is None else stage.kind for stage in named)
