"""Where a kind of bias acts: in words, and as runs along a strip of the model's blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..attention.schedule import Blocks, Share, Stage


@dataclass(frozen=True)
class BlockStrip:
    """A block schedule as it is drawn.

    Attributes:
        runs: (kind, start, stop) of every stage as fractions of the strip.
        ends: what stands under the strip's left and right end.
    """

    runs: tuple[tuple[str, float, float], ...]
    ends: tuple[str, str]


def block_strip(stages: Sequence[Stage], depth: int | None) -> BlockStrip:
    """The schedule of a model with ``depth`` blocks.

    Args:
        depth: None where the model is not known: a share is drawn as a share, a number on a strip
            that ends at the highest block named.
    """
    named = [stage.run.last for stage in stages if isinstance(stage.run, Blocks)]
    ends = "first block", "last block"
    if depth is not None:
        ends = "block 0", f"block {depth - 1}, the model's last"
    elif named:
        ends = "block 0", f"block {max(named)}"
    length = depth or max(named, default=0) + 1
    runs = ((stage.kind, *_part(stage.run, depth, length)) for stage in stages)
    return BlockStrip(tuple(runs), ends)


def _part(run: Blocks | Share, depth: int | None, length: int) -> tuple[float, float]:
    """A run's start and stop as fractions of a strip of ``length`` blocks."""
    if depth is None and isinstance(run, Share):
        return run.start, run.end
    blocks = run.of(length)
    return blocks.start / length, blocks.stop / length


def acting_blocks(stages: Sequence[Stage], kind: str, depth: int | None) -> str:
    """Where a kind acts, e.g. ``blocks 0-7, 17-24 of the model's 25``."""
    runs = [stage.run for stage in stages if stage.kind == kind]
    if depth is None:
        return f"blocks {', '.join(map(str, runs))} (the model's depth is not known)"
    reached = [blocks for blocks in (run.of(depth) for run in runs) if blocks]
    if not reached:
        return f"none of the model's {depth} blocks"
    numbers = ", ".join(f"{blocks.start}-{blocks.stop - 1}" for blocks in reached)
    return f"blocks {numbers} of the model's {depth}"
