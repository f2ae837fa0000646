"""Words to features: a deterministic word tokenizer and a small bidirectional transformer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .shapes import COLOUR_NAMES, SHAPES

PAD, END = "<pad>", "<end>"
PLACES = ("top", "bottom", "left", "right", "center")
VOCABULARY: tuple[str, ...] = (
    (PAD, END, "replace", "the", "a", "with", "at", "and") + COLOUR_NAMES + SHAPES + PLACES
)
SYNONYMS: dict[str, str] = {
    "an": "a",
    "change": "replace",
    "turn": "replace",
    "swap": "replace",
    "to": "with",
    "into": "with",
    "by": "with",
    "in": "at",
    "on": "at",
    "then": "and",
    ",": "and",
    ";": "and",
    ".": "and",
    "centre": "center",
    "middle": "center",
    "upper": "top",
    "lower": "bottom",
}
INDEX: dict[str, int] = {word: index for index, word in enumerate(VOCABULARY)}
WIDTH, HEADS, LAYERS = 128, 4, 2
THETA = 100.0


def tokenize(text: str) -> list[int]:
    """Lower-cased words and punctuation as ids, <end> last; unknown words are left out."""
    words: list[str] = re.findall(r"[a-z]+|[,;.]", text.lower())
    known = (INDEX.get(SYNONYMS.get(word, word)) for word in words)
    return [index for index in known if index is not None] + [INDEX[END]]


def left_out(text: str) -> list[str]:
    """The words of a text that ``tokenize`` leaves out."""
    words: list[str] = re.findall(r"\w+", text.lower())
    return [word for word in dict.fromkeys(words) if SYNONYMS.get(word, word) not in INDEX]


def pad_tokens(rows: Sequence[Sequence[int]], length: int | None = None) -> Tensor:
    """Token lists as one (B, T) int64 tensor filled up with <pad>."""
    length = max(len(row) for row in rows) if length is None else length
    return torch.tensor([list(row) + [INDEX[PAD]] * (length - len(row)) for row in rows])


def rotation(length: int, dim: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Cosine and sine tables (T, dim / 2) of the rotary positions."""
    frequency = THETA ** -(torch.arange(0, dim, 2, device=device, dtype=torch.float32) / dim)
    angle = torch.arange(length, device=device, dtype=torch.float32)[:, None] * frequency
    return angle.cos(), angle.sin()


def rotate(x: Tensor, table: tuple[Tensor, Tensor]) -> Tensor:
    """(B, H, T, D) rotated by its positions, halves as pairs."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = (part.to(x.dtype) for part in table)
    return torch.cat((first * cos - second * sin, first * sin + second * cos), dim=-1)


class Layer(nn.Module):
    """Pre-norm attention and GELU feed-forward; ``operations`` may stand in for torch.nn."""

    def __init__(self, operations: Any = nn, **factory: Any) -> None:
        super().__init__()
        self.norm1 = operations.LayerNorm(WIDTH, **factory)
        self.qkv = operations.Linear(WIDTH, 3 * WIDTH, **factory)
        self.proj = operations.Linear(WIDTH, WIDTH, **factory)
        self.norm2 = operations.LayerNorm(WIDTH, **factory)
        self.up = operations.Linear(WIDTH, 4 * WIDTH, **factory)
        self.down = operations.Linear(4 * WIDTH, WIDTH, **factory)

    def forward(self, x: Tensor, table: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        """(B, T, 128) -> (B, T, 128); mask (B, 1, 1, T) bool, True = real token."""
        batch, length, _ = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        out = functional.scaled_dot_product_attention(
            rotate(q, table), rotate(k, table), v, attn_mask=mask
        )
        x = x + self.proj(out.transpose(1, 2).reshape(batch, length, WIDTH))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class TextEncoder(nn.Module):
    """Token ids or embeddings to the ``context`` of the flow model."""

    def __init__(self, operations: Any = nn, **factory: Any) -> None:
        super().__init__()
        self.embedding = operations.Embedding(len(VOCABULARY), WIDTH, **factory)
        self.layers = nn.ModuleList(Layer(operations, **factory) for _ in range(LAYERS))
        self.norm = operations.LayerNorm(WIDTH, **factory)

    def encode(self, embedded: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, T, 128) embedded words -> (B, T, 128) features."""
        table = rotation(embedded.shape[1], WIDTH // HEADS, embedded.device)
        for layer in self.layers:
            embedded = layer(embedded, table, mask)
        return self.norm(embedded)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) int64 with <pad> on the right -> (B, T, 128); padded places hold zeros."""
        real = tokens != INDEX[PAD]
        features = self.encode(self.embedding(tokens), real[:, None, None])
        return features * real[..., None]
