"""Which attention kernel a biased call may use: one that is seen to honour a mask."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from comfy.ldm.modules.attention import attention_pytorch
from comfy.model_management import OOM_EXCEPTION, InterruptProcessingException
from torch import Tensor

log = logging.getLogger("instance_edit")

Override = Callable[..., Tensor]
PROBE_TOKENS = 1280
"""Some kernels hand short sequences to torch, up to 1024 tokens: the probe is longer."""

_probed: WeakKeyDictionary[Override, dict[tuple[int, torch.dtype, torch.device], bool]]
_probed = WeakKeyDictionary()


def attention_call(previous: Override | None, q: Tensor) -> Override:
    """A function like ComfyUI's attention functions that honours ``mask``.

    Args:
        previous: another pack's ``optimized_attention_override``, or None.
        q: (B, H, Lq, D) queries of the call to come, for their width, dtype and device.

    Returns:
        torch's SDPA, under the other pack's override if that lets a mask through.
    """
    if previous is None:
        return attention_pytorch
    if lets_masks_through(previous, q.shape[3], q.dtype, q.device):
        return partial(previous, attention_pytorch)
    return attention_pytorch


def whole_sequence(override: Override) -> Override:
    """Mark an override that must see all queries, keys and heads in one call, with their mask."""
    override.__dict__["whole_sequence"] = True
    return override


def wants_whole_sequence(override: Override | None) -> bool:
    """True if calls through this override must not be split."""
    return bool(getattr(override, "whole_sequence", False))


def open_call(previous: Override | None, func: Override) -> Override:
    """The user's own choice of a kernel, for calls without a mask."""
    return func if previous is None else partial(previous, func)


def kernel_name(call: Override) -> str:
    """What a log says of a kernel: its function, under which override."""
    if isinstance(call, partial):
        return f"{kernel_name(call.args[0])} under {kernel_name(call.func)}"
    return getattr(call, "__qualname__", None) or type(call).__name__


def lets_masks_through(
    override: Override, width: int, dtype: torch.dtype, device: torch.device
) -> bool:
    """Probe an override around torch's SDPA once per width, dtype and device, while it lives."""
    try:
        known = _probed.setdefault(override, {})
    except TypeError:  # a callable that cannot be referenced weakly is probed every time
        known = {}
    kind = (width, dtype, device)
    if kind not in known:
        known[kind] = honours_mask(partial(override, attention_pytorch), width, dtype, device)
        if not known[kind]:
            log.warning(
                "the attention override %s ignores masks; biased blocks use torch's attention "
                "instead.",
                kernel_name(override),
            )
    return known[kind]


@torch.no_grad()
def honours_mask(attention: Override, width: int, dtype: torch.dtype, device: torch.device) -> bool:
    """Try a kernel on small calls whose mask shuts half of the keys.

    One mask has a row per query, the other a single row expanded over all: both are in use.

    Args:
        attention: called as ComfyUI calls its attention functions.
        width: per head.
    """
    tokens, half = PROBE_TOKENS, PROBE_TOKENS // 2
    zeros = torch.zeros(1, 1, tokens, width, dtype=dtype, device=device)
    values = zeros.clone()
    values[:, :, half:] = 1.0
    row = torch.zeros(1, 1, 1, tokens, dtype=dtype, device=device)
    row[..., half:] = float("-inf")
    expanded = row.expand(1, 1, tokens, tokens)
    for mask in (expanded.contiguous(), expanded):
        rest: dict[str, Any] = {"skip_reshape": True, "_inside_attn_wrapper": True}
        try:
            out = attention(zeros, zeros, values, 1, mask=mask, transformer_options={}, **rest)
        except (InterruptProcessingException, OOM_EXCEPTION):  # says nothing of the kernel
            raise
        except Exception as error:  # a foreign kernel may fail in any way: then it is not used
            log.warning("an attention override failed on a masked probe: %s", error)
            return False
        if not bool(torch.isfinite(out).all()) or float(out.abs().max()) > 1e-3:
            return False
    return True
