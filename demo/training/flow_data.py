"""Batches for the flow model: latents of source and target, text features, labels."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from ..codec import LinearEncoder
from ..instructions import Clause, edits_of, phrase, prompt, sample_clauses
from ..scenes import Edits, Scenes, apply_edits, concatenate, render, sample_scenes
from ..text import INDEX, PAD, TextEncoder, pad_tokens, tokenize

# (text length, most clauses, share of the batches): a few fixed lengths keep the compiled
# graphs few.
BUCKETS = ((12, 1, 0.45), (25, 2, 0.3), (50, 4, 0.25))
COPY = 0.08  # share of samples without any clause
ABSENT = 0.04  # share of clauses about something that is not there
SEPARATE = 0.2  # share of prompts whose clauses are encoded one by one
PADDED = 0.15  # share of samples that see their padding, as with prompts of a fixed length


@dataclass(frozen=True)
class Batch:
    """One batch.

    Attributes:
        source, target: (B, 16, 18, 18) latents.
        context: (B, T, 128) text features.
        real: (B, T) bool, False is padding.
        before, after: the scenes that ``edits`` lie between.
    """

    source: Tensor
    target: Tensor
    context: Tensor
    real: Tensor
    before: Scenes
    after: Scenes
    edits: Edits

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return Batch(
            source=self.source.to(device),
            target=self.target.to(device),
            context=self.context.to(device),
            real=self.real.to(device),
            before=self.before.to(device),
            after=self.after.to(device),
            edits=Edits(self.edits.shape.to(device), self.edits.colour.to(device)),
        )


def spans(clauses: list[Clause], rng: random.Random, separate: float = SEPARATE) -> list[list[int]]:
    """Token lists that are encoded one by one and then put side by side."""
    if not clauses or rng.random() >= separate:
        return [tokenize(prompt(clauses))]
    lead = [tokenize("")] if rng.random() < 0.7 else []
    return lead + [tokenize(phrase(clause)) for clause in clauses]


def encode_spans(
    encoder: TextEncoder, rows: list[list[list[int]]], length: int
) -> tuple[Tensor, Tensor]:
    """Features (B, length, 128) and real tokens (B, length) bool; each row is a list of spans."""
    flat = [span for row in rows for span in row]
    tokens = pad_tokens(flat)
    with torch.no_grad():
        features = encoder(tokens).float()
    context = torch.zeros(len(rows), length, features.shape[-1])
    real = torch.zeros(len(rows), length, dtype=torch.bool)
    encoded = iter(zip(features, (tokens != INDEX[PAD]).sum(1).tolist(), strict=True))
    for index, row in enumerate(rows):
        place = 0
        for _ in row:
            feature, count = next(encoded)
            context[index, place : place + count] = feature[:count]
            place += count
        real[index, :place] = True
    return context, real


def training_scenes(count: int, generator: torch.Generator, rng: random.Random) -> Scenes:
    """Half random scenes, half with two to six objects of one class."""
    half = count // 2
    parts = [sample_scenes(half, generator)]
    for share in (half // 2, half - half // 2):
        same = rng.choice((2, 3, 3, 4, 5, 6))
        parts.append(sample_scenes(share, generator, same, 9, same_shape=same))
    return concatenate(parts)


class BatchSource:
    """Endless training batches from one seed."""

    def __init__(self, encoder: LinearEncoder, text: TextEncoder, size: int, seed: int) -> None:
        self.encoder, self.text, self.size = encoder, copy.deepcopy(text).bfloat16(), size
        self.rng, self.generator = random.Random(seed), torch.Generator().manual_seed(seed)

    def draw(self, buckets: tuple[tuple[int, int, float], ...] = BUCKETS) -> Batch:
        """One batch from a random bucket."""
        rng = self.rng
        length, most, _ = rng.choices(buckets, [share for *_, share in buckets])[0]
        scenes = training_scenes(self.size, self.generator, rng)
        clauses: list[list[Clause]] = []
        for index in range(self.size):
            count = 0 if rng.random() < COPY else rng.randint(1 if most == 1 else 2, most)
            clauses.append(sample_clauses(scenes, index, count, rng, absent=ABSENT))
        edits = edits_of(scenes, clauses)
        rows = [spans(row, rng) for row in clauses]
        rows = [
            row if sum(map(len, row)) <= length else [tokenize(prompt(c))]
            for row, c in zip(rows, clauses, strict=True)
        ]
        context, real = encode_spans(self.text, rows, length)
        real |= torch.rand(self.size, 1, generator=self.generator) < PADDED
        after = apply_edits(scenes, edits)
        latents = self.encoder.encode(render(concatenate([scenes, after])))
        return Batch(
            latents[: self.size], latents[self.size :], context, real, scenes, after, edits
        )
