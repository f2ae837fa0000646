"""May a forward be computed a second time? Not where somebody remembers the first."""

from typing import Any

import torch
from comfy.patcher_extension import WrappersMP
from comfy_api.torch_helpers.torch_compile import COMPILE_KEY

from .call import KEY, WRAPPER, ModelCall
from .families import Family

FORWARDS = ("forward", "_forward", "forward_orig")
"""Core's own ways into a network, which packs replace."""


def is_repeatable(family: Family, call: ModelCall) -> bool:
    """True if a second run of this forward gives what the first gave, whoever has seen that.

    Step caches would answer it from their memory (EasyCache wraps the network, TeaCache replaces
    its forward), FluxKVCache would take it for the next step (patches), and what other patches
    keep cannot be known. A training holds a graph of every forward.
    """
    options = call.options
    wrappers = options.get("wrappers", {})
    names = list(wrappers.get(WRAPPER, {}))
    inside = set(names[names.index(KEY) + 1 :] if KEY in names else names) - {COMPILE_KEY}
    foreign = (
        *wrappers.get(WrappersMP.DIFFUSION_MODEL, {}).values(),
        *options.get("patches", {}).values(),
        *options.get("patches_replace", {}).values(),
    )
    return not (
        torch.is_grad_enabled()
        or inside
        or any(foreign)
        or has_foreign_forward(call.model)
        or any("forward" in vars(block) for block in family.blocks(call.model))
    )


def has_foreign_forward(network: Any) -> bool:
    """True if a network is computed by other code than core's for its class."""
    ways = [getattr(type(network), name, None) for name in FORWARDS]
    return any(name in vars(network) for name in FORWARDS) or any(
        way is not None and not way.__module__.startswith("comfy.") for way in ways
    )
