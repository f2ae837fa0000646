"""ComfyUI's attention call: one signature for every override, heads split whatever form it has."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from einops import rearrange
from torch import Tensor

Options = Mapping[str, Any]
OVERRIDE = "optimized_attention_override"


class Heads(NamedTuple):
    """Queries, keys and values of one call, and what its kernel needs beside them.

    Attributes:
        q: (B, H, Lq, D).
        k, v: (B, H', Lk, D); H is a multiple of H' (grouped queries).
        rest: keywords for the kernel, which gets q, k, v as they are here.
        flat: True if the caller wants (B, Lq, H * D), else (B, H, Lq, D).
    """

    q: Tensor
    k: Tensor
    v: Tensor
    rest: dict[str, Any]
    flat: bool

    def every_k(self) -> Tensor:
        """(B, H, Lk, D): the keys of each query head."""
        return self.k.repeat_interleave(self.q.shape[1] // self.k.shape[1], dim=1)

    def every_v(self) -> Tensor:
        """(B, H, Lk, D): the values of each query head."""
        return self.v.repeat_interleave(self.q.shape[1] // self.v.shape[1], dim=1)


def split_heads(q: Tensor, k: Tensor, v: Tensor, heads: int, rest: dict[str, Any]) -> Heads:
    """A call's tensors by heads: (B, L, H * D) is split, (B, H, L, D) stays as it is."""
    kept = {name: value for name, value in rest.items() if name not in FORM}
    if not rest.get("skip_reshape", False):
        width = q.shape[-1] // heads
        q, k, v = (rearrange(x, "b l (h d) -> b h l d", d=width) for x in (q, k, v))
    flat = not rest.get("skip_output_reshape", False)
    return Heads(q, k, v, {**kept, "skip_reshape": True}, flat)


FORM = ("skip_reshape", "skip_output_reshape", "enable_gqa")
"""Keywords that say in which form q, k, v come and the result goes."""


def as_wanted(out: Tensor, heads: int, flat: bool) -> Tensor:
    """(B, Lq, H * D) in the form that the caller of the attention wants."""
    return out if flat else rearrange(out, "b l (h d) -> b h l d", h=heads)
