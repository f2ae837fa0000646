"""Did every block that should be changed come to our override? Asked after each forward."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from .call import ModelCall, Options
from .families import Family
from .here import HERE, Here, noting_calls

Replacement = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


@dataclass
class Tally:
    """What ran and what came in one forward, how often, by numbers of blocks.

    Attributes:
        came: attention calls that reached our override.
        ran: runs of the block itself.
        replaced: blocks in whose place another patch ran, each with a bool tensor: whether the
            picture changed.
    """

    came: Counter[int] = field(default_factory=Counter[int])
    ran: Counter[int] = field(default_factory=Counter[int])
    replaced: dict[int, Tensor] = field(default_factory=dict[int, Tensor])

    def missed(self, wanted: Collection[int]) -> list[int]:
        """Which of these blocks did something that did not come to our override."""
        return [
            block
            for block in sorted(set(wanted))
            if self.ran[block] > self.came[block] or self.was_computed_elsewhere(block)
        ]

    def was_computed_elsewhere(self, block: int) -> bool:
        """True if another patch changed the picture in place of this block and its attention."""
        return block in self.replaced and not self.came[block] and bool(self.replaced[block])


@contextmanager
def watching_blocks(family: Family, call: ModelCall, tally: Tally) -> Iterator[None]:
    """Count the runs of every block, whoever calls it and with whatever options.

    Nothing is watched in a compiled model, whose graphs a hook would break.
    """
    blocks = () if call.compiled else family.blocks(call.model)

    def count(number: int) -> Callable[..., None]:
        def note(*_: Any) -> None:
            tally.ran[number] += 1

        return note

    handles = [
        block.register_forward_pre_hook(count(number)) for number, block in enumerate(blocks)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def named_calls(family: Family, call: ModelCall, options: Options) -> Iterator[Options]:
    """transformer_options under which ``family.where`` knows every attention call of a forward."""
    if not family.hooked:
        yield options
        return
    here = Here()
    with noting_calls(family.blocks(call.model), here):
        yield {**options, HERE: here}


def watched_replacements(
    options: Options, family: Family, call: ModelCall, tally: Tally
) -> dict[str, Any]:
    """transformer_options under which block replacements of other patches are noted.

    One that returns the picture as it was has skipped its block.
    """
    replacements: Mapping[Any, Replacement] = options.get("patches_replace", {}).get("dit", {})
    if call.compiled or not replacements:
        return dict(options)

    def watched(replacement: Replacement) -> Replacement:
        def replace(given: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
            before = given["img"].clone()  # blocks may work in place
            out = replacement(given, extra)
            where = given.get("transformer_options") or {}
            block = family.where(call.model, where)
            if block is None and family.hooked:  # no module of ours runs by now
                block = where.get("block_index")
            if block is not None:
                tally.replaced[block] = (out["img"] != before).any()
            return out

        return replace

    noted = {place: watched(replacement) for place, replacement in replacements.items()}
    return {**options, "patches_replace": {**options["patches_replace"], "dit": noted}}


def check_reached(
    tally: Tally,
    wanted: Collection[int],
    model: Any,
    first: bool,
    node: str = "Apply Instance Attention",
) -> None:
    """Refuse a forward that did without our override.

    Args:
        wanted: numbers of the blocks whose attention must come to it if they run.
        first: no call of this run has been seen yet. Later a step cache may skip a whole forward.
        node: whose override it is.

    Raises:
        ValueError: no attention call came at all, or a block ran without it.
    """
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    missed = tally.missed(wanted)
    if missed:
        raise ValueError(
            f"{len(missed)} block(s) of {kind}, first block {missed[0]} (doubles count first), ran "
            f"without what {node} does there: another patch replaced the attention override, or "
            f"runs blocks without their transformer_options. {node} works with overrides that "
            "chain; remove the other patch or put it before this node."
        )
    if not tally.came and (first or tally.ran):
        raise ValueError(
            f"none of the attention of {kind} came to {node}: another pack replaced the model's "
            "forward, its blocks or its attention override. Remove that pack's node from this "
            "model."
        )
