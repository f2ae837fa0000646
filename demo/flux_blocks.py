"""The blocks of FLUX.1 in bare torch, with ComfyUI's weight names.

Shapes: img (B, L, 128), txt (B, T, 128), vec (B, 128); a RoPE table is cosines and sines
(1, 1, Z, 64) of the joint sequence.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

HIDDEN, MLP = 128, 4
AXES = (16, 56, 56)


def apply_rope(x: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """(B, H, Z, D) with neighbouring channels as pairs, in float32, returned in x's dtype."""
    cos, sin = table
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return (
        torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1)
        .flatten(-2)
        .to(x.dtype)
    )


def attention(
    q: Tensor, k: Tensor, v: Tensor, table: tuple[Tensor, Tensor], mask: Tensor | None
) -> Tensor:
    """(B, H, Z, D) three times -> (B, Z, H * D)."""
    q, k = apply_rope(q, table), apply_rope(k, table)
    out = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return out.transpose(1, 2).flatten(2)


class MLPEmbedder(nn.Module):
    """Two linear layers around a SiLU."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.in_layer, self.out_layer = nn.Linear(dim, HIDDEN), nn.Linear(HIDDEN, HIDDEN)

    def forward(self, x: Tensor) -> Tensor:
        """(B, dim) -> (B, 128)."""
        return self.out_layer(functional.silu(self.in_layer(x)))


class QKNorm(nn.Module):
    """RMS norm of queries and keys."""

    def __init__(self) -> None:
        super().__init__()
        self.query_norm, self.key_norm = nn.RMSNorm(sum(AXES)), nn.RMSNorm(sum(AXES))

    def split(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, Z, 3 * 128) -> normalised q, k and plain v, each (B, H, Z, D)."""
        q, k, v = qkv.unflatten(-1, (3, -1, sum(AXES))).permute(2, 0, 3, 1, 4).unbind(0)
        return self.query_norm(q).to(v), self.key_norm(k).to(v), v


class SelfAttention(nn.Module):
    """The weights of one stream's attention."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.norm, self.proj = (
            nn.Linear(HIDDEN, 3 * HIDDEN),
            QKNorm(),
            nn.Linear(HIDDEN, HIDDEN),
        )


class Modulation(nn.Module):
    """Shift, scale and gate from the conditioning vector, ``count`` triples."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count, self.lin = count, nn.Linear(HIDDEN, 3 * count * HIDDEN)

    def forward(self, vec: Tensor) -> tuple[Tensor, ...]:
        """(B, 128) -> 3 * count tensors (B, 1, 128)."""
        return self.lin(functional.silu(vec))[:, None].chunk(3 * self.count, dim=-1)


def modulated(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Layer norm without weights, then scale and shift."""
    return functional.layer_norm(x, (HIDDEN,), eps=1e-6) * (1 + scale) + shift


def feed_forward() -> nn.Sequential:
    """The MLP of a double block."""
    return nn.Sequential(
        nn.Linear(HIDDEN, MLP * HIDDEN), nn.GELU("tanh"), nn.Linear(MLP * HIDDEN, HIDDEN)
    )


class DoubleStreamBlock(nn.Module):
    """Image and text keep their own weights and meet in the attention."""

    def __init__(self) -> None:
        super().__init__()
        self.img_mod, self.txt_mod = Modulation(2), Modulation(2)
        self.img_attn, self.txt_attn = SelfAttention(), SelfAttention()
        self.img_mlp, self.txt_mlp = feed_forward(), feed_forward()

    def forward(
        self,
        img: Tensor,
        txt: Tensor,
        vec: Tensor,
        table: tuple[Tensor, Tensor],
        mask: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        """img (B, L, 128), txt (B, T, 128) -> the same."""
        img_mod, txt_mod = self.img_mod(vec), self.txt_mod(vec)
        iq, ik, iv = self.img_attn.norm.split(self.img_attn.qkv(modulated(img, *img_mod[:2])))
        tq, tk, tv = self.txt_attn.norm.split(self.txt_attn.qkv(modulated(txt, *txt_mod[:2])))
        q, k, v = torch.cat((tq, iq), 2), torch.cat((tk, ik), 2), torch.cat((tv, iv), 2)
        out = attention(q, k, v, table, mask)
        txt_out, img_out = out[:, : txt.shape[1]], out[:, txt.shape[1] :]
        img = img + img_mod[2] * self.img_attn.proj(img_out)
        img = img + img_mod[5] * self.img_mlp(modulated(img, *img_mod[3:5]))
        txt = txt + txt_mod[2] * self.txt_attn.proj(txt_out)
        txt = txt + txt_mod[5] * self.txt_mlp(modulated(txt, *txt_mod[3:5]))
        return img, txt


class SingleStreamBlock(nn.Module):
    """Attention and MLP in parallel over the joint sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(HIDDEN, (3 + MLP) * HIDDEN)
        self.linear2 = nn.Linear((1 + MLP) * HIDDEN, HIDDEN)
        self.norm, self.modulation = QKNorm(), Modulation(1)

    def forward(
        self, x: Tensor, vec: Tensor, table: tuple[Tensor, Tensor], mask: Tensor | None
    ) -> Tensor:
        """(B, Z, 128) -> the same."""
        shift, scale, gate = self.modulation(vec)
        qkv, mlp = self.linear1(modulated(x, shift, scale)).split(
            (3 * HIDDEN, MLP * HIDDEN), dim=-1
        )
        out = attention(*self.norm.split(qkv), table, mask)
        return x + gate * self.linear2(
            torch.cat((out, functional.gelu(mlp, approximate="tanh")), dim=-1)
        )


class LastLayer(nn.Module):
    """Modulated norm and projection to the velocity, ``tokens`` numbers per token."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.linear = nn.Linear(HIDDEN, tokens)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(HIDDEN, 2 * HIDDEN))

    def forward(self, x: Tensor, vec: Tensor) -> Tensor:
        """(B, L, 128) -> (B, L, 64)."""
        return self.linear(modulated(x, *self.adaLN_modulation(vec)[:, None].chunk(2, dim=-1)))
