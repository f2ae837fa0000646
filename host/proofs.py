"""Faint keys: assumed not to count during a forward, and held against their verdicts after it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from comfy.model_management import throw_exception_if_processing_interrupted
from torch import Tensor

from ..attention.execute.faint import Faint
from .call import ModelCall
from .families import Family
from .norms import longest_products
from .override import BlockDecide
from .reached import Tally
from .repeat import is_repeatable
from .run import RUN, RunNote

Attempt = Callable[[BlockDecide], tuple[Tensor, Tally]]
"""One forward with such decisions: what it gives, and what came."""


@dataclass
class Record:
    """What is known of one network's proofs.

    Attributes:
        run: the sampling run that this was seen in; None outside of one.
        kept: the blocks that compute every key: those whose proof failed in this run or in the
            one before.
        failed: the blocks whose proof failed in this run.
        surprised: a forward of this run had to be run again.
        products: per block the longest query's length times the longest key's.
    """

    run: RunNote | None
    kept: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    surprised: bool = False
    products: Sequence[float] | None = None

    def note(self, failed: set[int], blocks: int) -> bool:
        """Note the blocks that failed in a forward; whether it holds all the same."""
        held = failed <= self.kept
        self.failed |= failed
        if not held:
            self.kept |= set(range(blocks)) if self.surprised else failed
            self.surprised = True
        return held


_records: WeakKeyDictionary[Any, Record] = WeakKeyDictionary()


def record_of(call: ModelCall) -> Record:
    """The record of the call's network, a new one where a run begins."""
    run: RunNote | None = call.options.get(RUN)
    record = _records.get(call.model)
    if record is None or record.run is not run:
        record = Record(run, kept=set(record.failed if record else ()))
        _records[call.model] = record
    return record


def proven_forward(family: Family, call: ModelCall, attempt: Attempt) -> Tensor:
    """A forward that leaves faint keys out only where that is exact.

    They are left out at once, and what shows whether that was exact is read after the forward: one
    read from the device. If it was not, the forward is run again with all keys, and for the rest of
    the run the blocks in which it was not compute all of theirs; where a second forward fails, all
    blocks do. In the next run those that failed do so from the start. Where a forward cannot be
    repeated, each block waits for its own answer.

    Raises:
        ValueError: a forward that was not computed again when it was run again.
    """
    record = record_of(call)
    if not is_repeatable(family, call):
        return attempt(Waiting(record))[0]
    assumed = Assumed(record)
    out, tally = attempt(assumed)
    if not assumed.verdicts:
        return out
    measured = longest_products(family, call.model, call.x.device) if keeps_scales(record) else None
    failed, record.products = assumed.read(measured)
    if record.note(failed, len(family.blocks(call.model))):
        return out
    del out
    throw_exception_if_processing_interrupted()
    out, again = attempt(keep_all)
    if again.came != tally.came:
        raise ValueError(
            "a model call had to be computed again, but some of its blocks were not: a step cache "
            "answered for them. Remove it from models with instance attention."
        )
    return out


def keeps_scales(record: Record) -> bool:
    """True if the norms' scales must be looked at, and hold for the rest of the run."""
    return record.products is None and record.run is not None and not record.run.hooked


class Waiting:
    """Asks the device in every call of a block until it fails in this run, and notes that."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def __call__(self, block: int, faint: Faint, q: Tensor, k: Tensor) -> bool:
        if block in self.record.failed:
            return False
        exact = faint.is_exact(q, k)
        if not exact:
            self.record.failed.add(block)
        return exact


class Assumed:
    """Leaves faint keys out but in the blocks that keep theirs, and gathers the verdicts that the
    norms do not make needless: of every block until it fails in this run, for the next run to know
    which would still fail."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.verdicts: list[tuple[int, Tensor]] = []

    def __call__(self, block: int, faint: Faint, q: Tensor, k: Tensor) -> bool:
        if block in self.record.failed:
            return False
        products = self.record.products
        if products is None or not faint.is_exact_below(products[block], q.shape[3]):
            self.verdicts.append((block, faint.verdict(q, k)))
        return block not in self.record.kept

    def read(self, measured: Tensor | None) -> tuple[set[int], Sequence[float] | None]:
        """The blocks that failed, and ``measured``: one read of both from the device."""
        blocks = [block for block, _ in self.verdicts]
        held = torch.stack([verdict for _, verdict in self.verdicts]).float()
        numbers = (held if measured is None else torch.cat([held, measured])).tolist()
        failed = {block for block, true in zip(blocks, numbers, strict=False) if not true}
        return failed, self.record.products if measured is None else numbers[len(blocks) :]


def keep_all(block: int, faint: Faint, q: Tensor, k: Tensor) -> bool:
    """No faint key is left out."""
    return False
