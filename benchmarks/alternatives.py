"""One joint attention by every way of applying the bias. Torch and einops only."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..attention.execute import attend
from ..attention.mice import mice_bias
from ..attention.tokens import TokenLayout
from .scenes import scene_masks

PADDED_QUERIES = 512


def sdpa(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Torch's attention, (B, H, L, D) -> (B, L, H * D) as ComfyUI's kernels return it."""
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return out.transpose(1, 2).flatten(2)


def random_tokens(
    total: int, heads: int, width: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """q, k and v, each (1, heads, total, width)."""
    q, k, v = torch.randn(3, 1, heads, total, width, dtype=dtype, device=device)
    return q, k, v


def attention_calls(
    layout: TokenLayout,
    heads: int,
    width: int,
    dtype: torch.dtype,
    device: torch.device,
    flex: bool = False,
) -> dict[str, Callable[[], Tensor]]:
    """Attention at this layout with MICE's bias: "unpatched", "ours", "dense" and "flex"."""
    masks = scene_masks(layout.instances, layout.latent_grid)
    bias = mice_bias(layout, masks).to(device, dtype)
    q, k, v = random_tokens(layout.total, heads, width, dtype, device)
    dense = bias.tile(slice(None))[None, None]
    calls: dict[str, Callable[[], Tensor]] = {
        "unpatched": lambda: sdpa(q, k, v),
        "ours": lambda: attend(q, k, v, bias, sdpa, open_kernel=sdpa),
        "dense": lambda: sdpa(q, k, v, dense),
    }
    if flex:
        from torch.nn.attention.flex_attention import create_block_mask, flex_attention

        def score(logit: Tensor, _b: Tensor, _h: Tensor, i: Tensor, j: Tensor) -> Tensor:
            row = bias.rows[bias.query_class[i], bias.key_group[j]]
            return logit + row + bias.columns[bias.key_class[j], bias.query_group[i]]

        def visible(_b: Tensor, _h: Tensor, i: Tensor, j: Tensor) -> Tensor:
            row = bias.rows[bias.query_class[i], bias.key_group[j]]
            column = bias.columns[bias.key_class[j], bias.query_group[i]]
            return (row > float("-inf")) & (column > float("-inf"))

        size = layout.total
        blocks = create_block_mask(visible, None, None, size, size, device, _compile=True)
        compiled = torch.compile(flex_attention)
        calls["flex"] = lambda: compiled(q, k, v, score_mod=score, block_mask=blocks)
    return calls


def padded_call(
    total: int, heads: int, width: int, dtype: torch.dtype, device: torch.device
) -> Callable[[], Tensor]:
    """Unmasked attention of ``PADDED_QUERIES`` queries to ``total`` keys."""
    q, k, v = random_tokens(total, heads, width, dtype, device)
    return lambda: sdpa(q[:, :, :PADDED_QUERIES], k, v)
