"""One joint attention by every way of applying the bias. Torch and einops only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from ...attention.bias import AttentionBias
from ...attention.execute.attend import attend
from ...attention.execute.attend_shared import attend_shared, can_share
from ...attention.execute.faint import Faint
from ...attention.execute.plan import BiasPlan
from ...attention.mice import mice_bias
from ...attention.tokens import TokenLayout
from .jobs import job_masks

PADDED_QUERIES = 512
FOLDED_SHUT = -1000.0


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
    layout: TokenLayout, heads: int, width: int, dtype: torch.dtype, device: torch.device
) -> dict[str, Callable[[], Tensor]]:
    """Attention at this layout with MICE's bias: "unpatched", "ours", "all keys" and "dense".

    "all keys" is ours where the proof has failed, so that no faint key is left out.
    """
    bias = job_bias(layout, dtype, device)
    q, k, v = random_tokens(layout.total, heads, width, dtype, device)
    dense = bias.tile(slice(None))[None, None]
    calls: dict[str, Callable[[], Tensor]] = {
        "unpatched": lambda: sdpa(q, k, v),
        "dense": lambda: sdpa(q, k, v, dense),
    }
    if bias.is_zero:  # blocks without a bias are left as they are
        return {**calls, "ours": calls["unpatched"], "all keys": calls["unpatched"]}
    plan = BiasPlan(bias)
    calls["ours"] = lambda: attend_as_host(q, k, v, plan)
    calls["all keys"] = lambda: attend_as_host(q, k, v, plan.with_faint)
    return calls


@torch.inference_mode()
def attend_as_host(q: Tensor, k: Tensor, v: Tensor, plan: BiasPlan) -> Tensor:
    """Attention by the way that the seam takes, as ``sdpa`` returns it."""
    plan = plan.decided(q, k, Faint.is_exact)
    shared = plan.shared(q.shape[2]) if can_share(q, k) else None
    if shared is not None:
        return attend_shared(q, k, v, shared)
    return attend(q, k, v, plan, sdpa, open_kernel=sdpa)


def job_bias(layout: TokenLayout, dtype: torch.dtype, device: torch.device) -> AttentionBias:
    """MICE's bias, all its settings at their defaults."""
    return mice_bias(layout, job_masks(layout.instances, layout.latent_grid)).to(device, dtype)


def fold_call(
    layout: TokenLayout, heads: int, width: int, dtype: torch.dtype, device: torch.device
) -> Callable[[], Tensor]:
    """The bias as further dimensions of queries and keys, for a kernel without a mask.

    q' = [q, U], k' = [k, V] with U V^T = the bias, v padded; shut becomes ``FOLDED_SHUT``.
    """
    bias = job_bias(layout, torch.float32, device)
    q, k, v = random_tokens(layout.total, heads, width, dtype, device)
    rows, columns = (t.clamp(min=FOLDED_SHUT) * width**0.5 for t in (bias.rows, bias.columns))
    left = [F.one_hot(bias.query_class, len(rows)), columns[1:, bias.query_group].T]
    right = [rows[:, bias.key_group].T, F.one_hot(bias.key_class, len(columns))[:, 1:]]
    u, v_bias = (torch.cat(part, 1).to(dtype).expand(1, heads, -1, -1) for part in (left, right))

    def call() -> Tensor:
        folded_v = F.pad(v, (0, u.shape[3]))
        folded = torch.cat([q, u], 3), torch.cat([k, v_bias], 3), folded_v
        out = F.scaled_dot_product_attention(*folded, scale=width**-0.5)[..., :width]
        return out.transpose(1, 2).flatten(2)

    return call


def flex_call(
    layout: TokenLayout, heads: int, width: int, dtype: torch.dtype, device: torch.device
) -> Callable[[], Tensor]:
    """FlexAttention: the bias from its tables, blocks of shut keys skipped. Compiled at first."""
    bias = job_bias(layout, dtype, device)
    q, k, v = random_tokens(layout.total, heads, width, dtype, device)

    def score(logit: Tensor, _b: Tensor, _h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        row = bias.rows[bias.query_class[i], bias.key_group[j]]
        return logit + row + bias.columns[bias.key_class[j], bias.query_group[i]]

    def visible(_b: Tensor, _h: Tensor, i: Tensor, j: Tensor) -> Tensor:
        row = bias.rows[bias.query_class[i], bias.key_group[j]]
        column = bias.columns[bias.key_class[j], bias.query_group[i]]
        return (row > float("-inf")) & (column > float("-inf"))

    size = layout.total
    blocks = create_block_mask(visible, None, None, size, size, str(device), _compile=True)
    compiled: Any = torch.compile(flex_attention)
    return lambda: compiled(q, k, v, score_mod=score, block_mask=blocks)


def padded_call(
    total: int, heads: int, width: int, dtype: torch.dtype, device: torch.device
) -> Callable[[], Tensor]:
    """Unmasked attention of ``PADDED_QUERIES`` queries to ``total`` keys."""
    q, k, v = random_tokens(total, heads, width, dtype, device)
    return lambda: sdpa(q[:, :, :PADDED_QUERIES], k, v)
