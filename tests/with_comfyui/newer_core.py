"""Stand-ins of nodes that newer cores have, which this ComfyUI lacks: stand-in tested, no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, attention_pytorch

OVERRIDE = "optimized_attention_override"
BLOCK = 4


def sparse(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """(B, L, H * D): each query attends to the better half of the blocks of keys."""
    logits = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    keys = k.shape[2] // BLOCK * BLOCK
    blocks = logits[..., :keys].unflatten(-1, (-1, BLOCK)).amax(-1)
    kept = blocks >= blocks.median(-1, keepdim=True).values
    seen = torch.nn.functional.pad(
        kept.repeat_interleave(BLOCK, -1), (0, k.shape[2] - keys), value=1
    )
    weights = logits.masked_fill(~seen.bool(), -torch.inf).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


def block_sparse(model: ModelPatcher) -> ModelPatcher:
    """BlockSparseAttention of Comfy-Org/ComfyUI at cf3103c5221f22fd6535b5db2a857d7151e2e2d7.

    `comfy_extras/nodes_sparse_attention.py`, `make_attention_override` and `install_override`: an
    override on top of the one before. Calls with a mask, with few tokens or of other shapes go on
    to that one; all others are computed sparsely.
    """
    patched = model.clone()
    options = patched.model_options["transformer_options"]
    previous = options.get(OVERRIDE)

    def override(
        func: Callable[..., Tensor], q: Tensor, k: Tensor, v: Tensor, heads: int,
        mask: Tensor | None = None, skip_reshape: bool = False, **rest: Any,
    ) -> Tensor:  # fmt: skip
        if mask is None and skip_reshape and q.shape == k.shape and q.shape[2] >= 2 * BLOCK:
            return sparse(q, k, v)
        rest = {"mask": mask, "skip_reshape": skip_reshape, **rest}
        if previous is None:
            return func(q, k, v, heads, **rest)
        return previous(func, q, k, v, heads, **rest)

    options[OVERRIDE] = override
    return patched


def backend(attention: Callable[..., Tensor]) -> Callable[[ModelPatcher], ModelPatcher]:
    """ModelAttentionBackend of Comfy-Org/ComfyUI at 691e82787be231880314d980b49b06a8105c5de6.

    `comfy_extras/nodes_model_advanced.py` hands a function to the model patcher, whose override
    calls it in place of whatever was to be called, and replaces the override before.
    """

    def patch(model: ModelPatcher) -> ModelPatcher:
        def override(_: Any, *args: Any, **rest: Any) -> Tensor:
            return attention(*args, **rest)

        patched = model.clone()
        patched.model_options["transformer_options"][OVERRIDE] = override
        return patched

    return patch


def deaf(q: Tensor, k: Tensor, v: Tensor, heads: int, mask: Any = None, **rest: Any) -> Tensor:
    """A kernel that ignores masks."""
    return attention_pytorch(q, k, v, heads, **rest)


model_backend = backend(attention_pytorch)
deaf_backend = backend(deaf)
