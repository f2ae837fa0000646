"""torch.compile: no graph of a run without our patches serves one with them, nor the reverse.

ComfyUI's compile nodes leave ``transformer_options`` out of what torch compares before it takes a
graph (``skip_torch_compile_dict``), and torch keeps a graph for each part of a forward: a change in
these options is seen by none of them. Every part gets the attention mask, though. So a text that
names what the options hold travels in its place, and is taken out again before the attention.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, cast

import torch
from comfy.model_base import convert_tensor
from comfy.patcher_extension import WrappersMP
from comfy_api.torch_helpers.torch_compile import COMPILE_KEY
from torch import Tensor

from .attention_call import OVERRIDE, Options
from .kernels import Override

MASK = "attention_mask"
"""The keyword of the models' forward that reaches every block as its mask."""
MARKED = ("comfy.ldm.flux.model", "comfy.ldm.chroma.model")
"""Modules of the models whose forward hands that on as it is; others compute with it."""


def is_compiled(base: Any, options: Options) -> bool:
    """True if a BaseModel's network, or parts of it, run compiled under these options."""
    wrappers = options.get("wrappers", {}).get(WrappersMP.APPLY_MODEL, {})
    return COMPILE_KEY in wrappers or hasattr(base.diffusion_model, "_orig_mod")


def takes_mark(network: Any) -> bool:
    """True if a bare network hands ``MASK`` on to its blocks as it is."""
    return any(base.__module__ in MARKED for base in type(network).__mro__)


def uncompiled() -> AbstractContextManager[Any]:
    """Within it compiled models run as they are written, and no graph is made or taken.

    Raises:
        ValueError: a torch that cannot.
    """
    if not hasattr(torch.compiler, "set_stance"):
        raise ValueError(
            "this model cannot run compiled with instance attention, and leaving its graphs aside "
            f"needs torch 2.6 or newer, got {torch.__version__}. Remove the compiling node from "
            "this model, or update torch."
        )
    return torch.compiler.set_stance("force_eager")


def contents(options: Options) -> str:
    """What a graph holds of transformer_options: names, numbers of patches, positions."""
    patches, rope = options.get("patches", {}), options.get("rope_options", {})
    counts = (f"{len(several)} {kind}" for kind, several in sorted(patches.items()))
    numbers = (f"{kind} {value}" for kind, value in sorted(rope.items()))
    return f"instance_edit: {', '.join((*sorted(options), *counts, *numbers))}"


def marked(
    options: Options, extras: Mapping[str, Any], dtype: torch.dtype, device: torch.device
) -> tuple[Options, dict[str, Any]]:
    """Options and extras for a compiled forward whose options hold an override of ours.

    Args:
        dtype, device: in which the model wants its mask, if there is one.
    """
    name = contents(options)
    mask = convert_tensor(real_mask(extras.get(MASK)), dtype, device)
    apart = {**options, OVERRIDE: apart_from_graphs(options[OVERRIDE])}
    return apart, {**extras, name: None, MASK: {name: mask}}


def real_mask(mask: Any) -> Any:
    """The mask that the attention is meant to have."""
    return next(iter(mask.values())) if isinstance(mask, dict) else mask


def apart_from_graphs(override: Override) -> Override:
    """The override outside of every graph, called with the real mask."""

    @torch.compiler.disable
    def call(func: Override, *args: Any, mask: Any = None, **rest: Any) -> Tensor:
        return override(func, *args, mask=real_mask(mask), **rest)

    cast(Any, call).__dict__.update(override.__dict__)
    return cast(Override, call)
