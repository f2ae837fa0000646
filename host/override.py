"""The attention override of one forward: every block its bias, and a tally of what came."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor

from ..attention.execute.attend import attend, takes_whole_bias
from ..attention.execute.attend_shared import attend_shared, can_share
from ..attention.execute.faint import Faint
from ..attention.execute.plan import BiasPlan, Decide
from .attention_call import OVERRIDE, Heads, as_wanted, split_heads
from .call import ModelCall, Options
from .families import Family
from .kernels import (
    Override,
    attention_call,
    open_call,
    wants_whole_sequence,
    whole_sequence,
)
from .reached import Tally, watched_replacements
from .run import report_run

BlockPlan = tuple[tuple[BiasPlan | None, slice], ...]
"""Planned biases of one block, each with the items of the batch that it is for."""
Planned = Callable[[], Mapping[int, BlockPlan]]


BlockDecide = Callable[[int, Faint, Tensor, Tensor], bool]
"""Whether a block may leave its faint keys out: ``decide(block, faint, q, k)``."""


def decide_at_once(_block: int, faint: Faint, q: Tensor, k: Tensor) -> bool:
    """Asks the device and waits for its answer."""
    return faint.is_exact(q, k)


@dataclass(frozen=True)
class Kernels:
    """How the calls of one forward are computed.

    Attributes:
        masked: honours a mask.
        plain: the user's own choice, for parts that need no mask.
        dense: give ``masked`` the whole bias at once.
        decide: whether faint keys may be left out.
        own: no other pack has a say in how it is computed, and the scale is the usual one.
    """

    masked: Override
    plain: Override
    dense: bool = False
    decide: Decide = Faint.is_exact
    own: bool = False


def biased_override(
    options: Options,
    family: Family,
    call: ModelCall,
    planned: Planned,
    tally: Tally,
    dense: bool = False,
    decide: BlockDecide = decide_at_once,
) -> dict[str, Any]:
    """transformer_options for one forward, with our override chained before any other.

    Args:
        planned: the biases by block; asked once the attention runs.
        tally: filled while the model runs.
        dense: use the whole matrix; also where another override must see the whole sequence.
        decide: whether a block may leave its faint keys out.
    """
    previous: Override | None = options.get(OVERRIDE)
    whole = dense or wants_whole_sequence(previous)

    def override(
        func: Override,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        heads: int,
        mask: Tensor | None = None,
        **rest: Any,
    ) -> Tensor:
        where: Options = rest.get("transformer_options") or {}
        block = family.where(call.model, where)
        if block is not None:
            tally.came[block] += 1
        plans = None if block is None else planned().get(block)
        plain = open_call(previous, func)
        if plans is None or block is None:
            return plain(q, k, v, heads, mask=mask, **rest)
        split = split_heads(q, k, v, heads, rest)
        masked = attention_call(previous, split.q)
        own = previous is None and "scale" not in rest
        kernels = Kernels(masked, plain, whole, partial(decide, block), own)
        report_run(where, planned(), plans, masked, plain, whole)
        parts = [attend_items(split, plan, items, mask, kernels) for plan, items in plans]
        return as_wanted(parts[0] if len(parts) == 1 else torch.cat(parts), heads, split.flat)

    chained = {**options, OVERRIDE: whole_sequence(cast(Override, override))}
    return watched_replacements(chained, family, call, tally)


def attend_items(
    split: Heads, plan: BiasPlan | None, items: slice, mask: Tensor | None, kernels: Kernels
) -> Tensor:
    """Attention of some items of a batch with their bias: (b, Lq, H * D)."""
    q, k, v = (x[items] for x in split[:3])
    part = split._replace(q=q, k=k, v=v)
    if mask is not None and mask.ndim > 2 and mask.shape[0] > 1:
        mask = mask[items]
    if plan is None:
        return kernels.plain(q, part.every_k(), part.every_v(), q.shape[1], mask=mask, **split.rest)
    return biased_attention(part, plan, kernels, mask)


def biased_attention(
    split: Heads, plan: BiasPlan, kernels: Kernels, mask: Tensor | None = None
) -> Tensor:
    """One attention call of a block with its bias: (B, Lq, H * D).

    Raises:
        ValueError: another number of tokens than the bias is for.
    """
    q, k, v, rest = split[:4]
    bias = plan.bias
    if k.shape[2] != bias.keys or q.shape[2] > bias.queries:
        raise ValueError(
            f"a block attends {q.shape[2]} to {k.shape[2]} tokens, but text, latent and references "
            f"account for {bias.keys}: another patch adds or drops tokens. Remove it from models "
            "with instance attention."
        )

    def kernel(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        return kernels.masked(q, k, v, q.shape[1], mask=mask, **rest)

    def open_kernel(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return kernels.plain(q, k, v, q.shape[1], mask=None, **rest)

    if not takes_whole_bias(plan, mask, kernels.dense):
        plan = plan.decided(q, k, kernels.decide)
        shared = plan.shared(q.shape[2]) if kernels.own and can_share(q, k) else None
        if shared is not None:
            return attend_shared(q, k, v, shared)
    return attend(q, k, v, plan, kernel, mask, open_kernel=open_kernel, dense=kernels.dense)


def counted_options(
    options: Options, override: Override, family: Family, call: ModelCall, tally: Tally
) -> dict[str, Any]:
    """transformer_options with this override, which notes every block that comes to it."""

    def counted(func: Override, *args: Any, **rest: Any) -> Tensor:
        block = family.where(call.model, rest.get("transformer_options") or {})
        if block is not None:
            tally.came[block] += 1
        return override(func, *args, **rest)

    chained = {**options, OVERRIDE: whole_sequence(cast(Override, counted))}
    return watched_replacements(chained, family, call, tally)
