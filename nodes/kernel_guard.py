"""Which attention kernel a biased call may use: one that is seen to honour a mask."""

import logging
from collections.abc import Callable
from typing import Any

import torch
from comfy.ldm.modules.attention import attention_pytorch
from torch import Tensor

log = logging.getLogger("instance_edit")

Override = Callable[..., Tensor]
PROBE_TOKENS = 128


def attention_call(previous: Override | None, q: Tensor) -> Override:
    """A function like ComfyUI's attention functions that honours ``mask``.

    Args:
        previous: another pack's ``optimized_attention_override``, or None.
        q: (B, H, Lq, D) queries of the call to come, for their heads, width, dtype and device.

    Returns:
        torch's SDPA, under the other pack's override if that lets a mask through.
    """
    if previous is None:
        return attention_pytorch

    def chained(*args: Any, **kwargs: Any) -> Tensor:
        return previous(attention_pytorch, *args, **kwargs)

    if honours_mask(chained, q):
        return chained
    log.warning(
        "the attention override %s ignores masks; biased blocks use torch's attention instead.",
        getattr(previous, "__qualname__", previous),
    )
    return attention_pytorch


def honours_mask(attention: Override, like: Tensor) -> bool:
    """Try a kernel on a tiny call whose mask shuts half of the keys.

    Args:
        attention: called as ComfyUI calls its attention functions, heads first.
        like: (B, H, L, D) for heads, width, dtype and device.
    """
    heads, width = like.shape[1], like.shape[3]
    zeros = like.new_zeros(1, heads, PROBE_TOKENS, width)
    values = zeros.clone()
    values[:, :, PROBE_TOKENS // 2 :] = 1.0
    mask = like.new_zeros(1, 1, PROBE_TOKENS, PROBE_TOKENS)
    mask[..., PROBE_TOKENS // 2 :] = float("-inf")
    try:
        out = attention(
            zeros,
            zeros,
            values,
            heads,
            mask=mask,
            skip_reshape=True,
            transformer_options={},
            _inside_attn_wrapper=True,
        )
    except Exception as error:  # a foreign kernel may fail in any way: then it is not used
        log.warning("an attention override failed on a masked probe: %s", error)
        return False
    return bool(torch.isfinite(out).all()) and float(out.abs().max()) < 1e-3
