"""Batches for the flow model: latents of source and target, text features, labels.

A picture has one instruction or none, as in the data that public editors learn from: no list of
instructions is ever seen.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..codec import LinearEncoder
from ..crowd.drawing import draw_ground, draw_things
from ..crowd.scene import Scene, Targets, sample_scene
from ..crowd.wording import absent_clause, sample_clause, targets_of
from ..instructions import Clause, phrase
from ..text import INDEX, PAD, TextEncoder, pad_tokens, tokenize

LENGTH = 13  # tokens: the longest clause after an empty global prompt
TOKEN = 16  # pixels
SIZES = ((192, 36, 0.7), (144, 64, 0.3))  # side in pixels, pictures per batch, share of batches
COPY = 0.08  # share of samples without any clause
ABSENT = 0.04  # share of clauses about something that is not there
LEAD = 0.15  # share of clauses after an empty prompt, as Multi-Prompt Encode puts them
PADDED = 0.15  # share of samples that see their padding, as with prompts of a fixed length
THING, CHANGED = 3.0, 8.0  # weights of tokens on things and on things to edit; the ground has 1
ALIKE = 0.6  # share of scenes with several things of one class


@dataclass(frozen=True)
class Batch:
    """One batch.

    Attributes:
        source, target: (B, 16, side / 8, side / 8) latents.
        context: (B, T, 128) text features.
        real: (B, T) bool, False is padding.
        before, after: (B, L, 2) int64, shape and colour of the thing around each token before
            and after the edit, -1 for none.
        place: (B, L, 3) of the token's centre from the thing's, x and y in its radii, and the
            radius in tokens; 0 without a thing.
    """

    source: Tensor
    target: Tensor
    context: Tensor
    real: Tensor
    before: Tensor
    after: Tensor
    place: Tensor

    def to(self, device: torch.device | str) -> Batch:
        """The same batch on another device."""
        return Batch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def token_weights(batch: Batch) -> Tensor:
    """(B, L) how much each token counts: the ground little, what the words change most."""
    thing, changed = batch.before[..., 0] >= 0, (batch.before != batch.after).any(-1)
    return 1 + (THING - 1) * thing.float() + (CHANGED - THING) * changed.float()


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


def training_scene(rng: random.Random, side: int) -> Scene:
    """One to nine things, often several of one class."""
    wanted = rng.choice((1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9))
    alike = rng.choice((2, 2, 3, 3, 4, 5, 6)) if rng.random() < ALIKE else 0
    return sample_scene(rng, wanted, alike, side)


def training_clause(scene: Scene, rng: random.Random) -> Clause | None:
    """At most one clause."""
    kind = rng.random()
    if kind < COPY:
        return None
    return absent_clause(scene, rng) if kind < COPY + ABSENT else sample_clause(scene, rng)


def token_owners(scene: Scene) -> Tensor:
    """(L,) int64: the thing whose circle holds each token's centre, the topmost; -1 for none."""
    grid = scene.side // TOKEN
    centre = (torch.arange(grid) + 0.5) * TOKEN
    owner = torch.full((grid, grid), -1)
    for number, thing in enumerate(scene.things):
        away = (centre - thing.x).square() + (centre[:, None] - thing.y).square()
        owner[away <= thing.radius**2] = number
    return owner.flatten()


def token_labels(scene: Scene, owners: Tensor) -> Tensor:
    """(L, 2) int64: shape and colour of each token's thing, -1 for none."""
    looks = torch.tensor([(thing.shape, thing.colour) for thing in scene.things] + [(-1, -1)])
    return looks[owners]


def token_places(scene: Scene, owners: Tensor) -> Tensor:
    """(L, 3): where each token is in its thing, as ``Batch.place``."""
    grid = scene.side // TOKEN
    number = torch.arange(grid * grid)
    x, y = (number % grid + 0.5) * TOKEN, (number // grid + 0.5) * TOKEN
    rows = [(thing.x, thing.y, thing.radius) for thing in scene.things] + [(0.0, 0.0, 1.0)]
    centre_x, centre_y, radius = torch.tensor(rows)[owners].unbind(-1)
    away = ((x - centre_x) / radius, (y - centre_y) / radius, radius / TOKEN)
    return torch.stack(away, dim=-1) * (owners >= 0)[:, None]


def draw_pair(scene: Scene, targets: Targets) -> tuple[Tensor, Tensor]:
    """Source and target (3, side, side) on the same ground."""
    ground = draw_ground(scene.ground, scene.side)
    source = draw_things(scene, ground)
    return source, draw_things(scene.edited(targets), ground) if targets else source


class BatchSource:
    """Endless training batches from one seed."""

    def __init__(self, encoder: LinearEncoder, text: TextEncoder, seed: int) -> None:
        self.encoder, self.text = encoder, copy.deepcopy(text).bfloat16()
        self.rng, self.generator = random.Random(seed), torch.Generator().manual_seed(seed)

    def draw(self) -> Batch:
        """The next batch, all of one size."""
        ((side, size, _),) = self.rng.choices(SIZES, [share for *_, share in SIZES])
        sources, targets, before, after, places, rows = [], [], [], [], [], []
        for _ in range(size):
            scene = training_scene(self.rng, side)
            clause = training_clause(scene, self.rng)
            wanted = targets_of(scene, clause) if clause else {}
            owners = token_owners(scene)
            for pictures, picture in zip((sources, targets), draw_pair(scene, wanted), strict=True):
                pictures.append(picture)
            before.append(token_labels(scene, owners))
            after.append(token_labels(scene.edited(wanted), owners))
            places.append(token_places(scene, owners))
            lead = [tokenize("")] if clause and self.rng.random() < LEAD else []
            rows.append(lead + [tokenize(phrase(clause) if clause else "")])
        context, real = encode_spans(self.text, rows, LENGTH)
        real |= torch.rand(size, 1, generator=self.generator) < PADDED
        latents = self.encoder.encode(torch.stack(sources + targets))
        labels = torch.stack(before), torch.stack(after), torch.stack(places)
        return Batch(latents[:size], latents[size:], context, real, *labels)
