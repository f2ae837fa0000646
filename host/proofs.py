"""Faint keys: assumed not to count during a forward, and held against one number after it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
        doubted: the proof failed in the run before.
        failed: it failed in this run.
        products: per block the longest query's length times the longest key's.
    """

    run: RunNote | None
    doubted: bool = False
    failed: bool = False
    products: Sequence[float] | None = None


_records: WeakKeyDictionary[Any, Record] = WeakKeyDictionary()


def record_of(call: ModelCall) -> Record:
    """The record of the call's network, a new one where a run begins."""
    run: RunNote | None = call.options.get(RUN)
    record = _records.get(call.model)
    if record is None or record.run is not run:
        record = Record(run, doubted=record is not None and record.failed)
        _records[call.model] = record
    return record


def proven_forward(family: Family, call: ModelCall, attempt: Attempt) -> Tensor:
    """A forward that leaves faint keys out only where that is exact.

    They are left out at once, and what shows whether that was exact is read after the forward: one
    read from the device. If it was not, the forward is run again with all keys, and for the rest of
    the run each block waits for its own answer. So it does where a forward cannot be repeated, and
    where the proof failed in the run before.

    Raises:
        ValueError: a forward that was not computed again when it was run again.
    """
    record = record_of(call)
    if record.failed or record.doubted or not is_repeatable(family, call):
        return attempt(Waiting(record))[0]
    assumed = Assumed(record.products)
    out, tally = attempt(assumed)
    if not assumed.verdicts:
        return out
    measured = longest_products(family, call.model, call.x.device) if keeps_scales(record) else None
    held, record.products = assumed.read(measured)
    if held:
        return out
    record.failed = True
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
    """Asks the device in every call, and notes in the record what failed."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def __call__(self, block: int, faint: Faint, q: Tensor, k: Tensor) -> bool:
        exact = faint.is_exact(q, k)
        self.record.failed |= not exact
        return exact


class Assumed:
    """Leaves every faint key out, and gathers the verdicts that the norms do not make needless."""

    def __init__(self, products: Sequence[float] | None) -> None:
        self.products = products
        self.verdicts: list[Tensor] = []

    def __call__(self, block: int, faint: Faint, q: Tensor, k: Tensor) -> bool:
        if self.products is None or not faint.is_exact_below(self.products[block], q.shape[3]):
            self.verdicts.append(faint.verdict(q, k))
        return True

    def read(self, measured: Tensor | None) -> tuple[bool, Sequence[float] | None]:
        """Whether all verdicts hold, and ``measured``: one read of both from the device."""
        held = torch.stack(self.verdicts).all().float()[None]
        numbers = held if measured is None else torch.cat([held, measured])
        first, *rest = numbers.tolist()
        return bool(first), self.products if measured is None else rest


def keep_all(block: int, faint: Faint, q: Tensor, k: Tensor) -> bool:
    """No faint key is left out."""
    return False
