"""May a forward be computed a second time? Not where somebody remembers the first."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from comfy.patcher_extension import WrappersMP
from comfy_api.torch_helpers.torch_compile import COMPILE_KEY

from .call import KEY, WRAPPER, ModelCall
from .families import Family

FORWARDS = ("forward", "_forward", "forward_orig")
"""Core's own ways into a network, which packs replace."""


def repeatable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a patch or wrapper of ours that gives the same at a second run of one forward."""
    function.__dict__["repeatable"] = True
    return function


def is_repeatable(family: Family, call: ModelCall) -> bool:
    """True if a second run of this forward gives what the first gave, whoever has seen that.

    Step caches would answer it from their memory (EasyCache wraps the network, TeaCache replaces
    its forward), FluxKVCache would take it for the next step (patches), and what other patches
    keep cannot be known. A training holds a graph of every forward.
    """
    options = call.options
    wrappers = options.get("wrappers", {})
    inner = list(wrappers.get(WRAPPER, {}).items())
    names = [name for name, _ in inner]
    inside = inner[names.index(KEY) + 1 :] if KEY in names else inner
    foreign = [
        *every(wrappers.get(WrappersMP.DIFFUSION_MODEL, {}).values()),
        *every(several for name, several in inside if name != COMPILE_KEY),
        *every(options.get("patches", {}).values()),
        *every(one.values() for one in options.get("patches_replace", {}).values()),
    ]
    return (
        not torch.is_grad_enabled()
        and all(getattr(one, "repeatable", False) for one in foreign)
        and has_own_forward(call.model)
        and all("forward" not in vars(block) for block in family.blocks(call.model))
    )


def every(groups: Iterable[Iterable[Any]]) -> list[Any]:
    """All members of all groups."""
    return [one for group in groups for one in group]


def has_own_forward(network: Any) -> bool:
    """True if a network is computed by core's code for its class."""
    ways = [getattr(type(network), name, None) for name in FORWARDS]
    return not any(name in vars(network) for name in FORWARDS) and all(
        way is None or way.__module__.startswith("comfy.") for way in ways
    )
