"""Quick figures during training: single edits, and per-instance masks with conflicting
instructions.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from ..codec import Decoder, LinearEncoder
from ..flux import Flux
from ..instructions import Clause, edits_of, phrase, prompt, sample_clauses
from ..scenes import CELLS, Edits, Scenes, render, sample_scenes
from ..shapes import COLOUR_NAMES, SHAPES
from ..text import TextEncoder, tokenize
from .flow_data import encode_spans
from .judging import Result, judge

SHIFT = 1.15
GUIDANCE = 3.5


def sigmas(steps: int) -> list[float]:
    """FLUX.1's schedule as ComfyUI's "simple" scheduler gives it, ending in 0."""
    times = [1 - index / steps for index in range(steps)]
    return [math.exp(SHIFT) / (math.exp(SHIFT) + 1 / t - 1) for t in times] + [0.0]


@torch.no_grad()
def edit(
    model: Flux,
    reference: Tensor,
    context: Tensor,
    mask: Tensor | None,
    steps: int,
    generator: torch.Generator,
) -> Tensor:
    """Euler sampling from noise: latents (B, 16, 18, 18)."""
    x = torch.randn(reference.shape, generator=generator).to(reference.device)
    schedule, count = sigmas(steps), len(reference)
    for now, after in zip(schedule, schedule[1:], strict=False):
        sigma = torch.full((count,), now, device=x.device)
        guidance = torch.full((count,), GUIDANCE, device=x.device)
        with torch.autocast(x.device.type, torch.bfloat16):
            velocity = model(x, sigma, context, reference, guidance, mask)
        x = x + (after - now) * velocity.float()
    return x


def disentangled_mask(masks: Tensor, text_lengths: list[int]) -> Tensor:
    """IDAttn's `dis`, which is all that the quick check needs: (B, 1, Z, Z) bool, True = open.

    Args:
        masks: (B, N, 9, 9) bool.
        text_lengths: tokens of the global prompt and of every instance's, 1 + N.
    """
    batch, count = masks.shape[:2]
    owner = torch.cat([torch.full((length,), number) for number, length in enumerate(text_lengths)])
    cells = masks.flatten(2)  # (B, N, 81)
    own_text = (owner[None] == torch.arange(1, count + 1)[:, None]).expand(batch, -1, -1)
    member = torch.cat((own_text.to(cells.device), cells, cells), dim=2)  # (B, N, Z)
    together = (member[:, :, :, None] & member[:, :, None, :]).any(1)
    background = ~member.any(1)  # (B, Z): of the global prompt and the picture
    seen = torch.ones_like(background)  # by the background: all but the instances' prompts
    seen[:, text_lengths[0] : len(owner)] = False
    return (together | (background[:, :, None] & seen[:, None]))[:, None]


@dataclass(frozen=True)
class Judge:
    """Everything a quick evaluation needs; ``device`` is where the model is."""

    encoder: LinearEncoder
    decoder: Decoder
    text: TextEncoder
    device: str = "cpu"
    steps: int = 4

    def decode(self, latents: Tensor) -> Tensor:
        """Latents -> pictures (B, 3, 144, 144) in [0, 1]."""
        with torch.no_grad(), torch.autocast(latents.device.type, torch.bfloat16):
            parts = [self.decoder.decode(part) for part in latents.split(8)]
        return torch.cat(parts).float().clamp(0, 1).cpu()

    def run(
        self,
        model: Flux,
        scenes: Scenes,
        rows: list[list[list[int]]],
        edits: Edits,
        mask: Tensor | None,
    ) -> Result:
        """Encode, edit, decode, judge."""
        reference = self.encoder.encode(render(scenes)).to(self.device)
        length = max(sum(map(len, row)) for row in rows)
        context, real = encode_spans(self.text, rows, length)
        if mask is None:
            image = torch.ones(len(scenes), 2 * 81, dtype=torch.bool)
            mask = torch.cat((real, image), dim=1)[:, None, None]
        generator = torch.Generator().manual_seed(77)
        latents = edit(
            model, reference, context.to(self.device), mask.to(self.device), self.steps, generator
        )
        return judge(self.decode(latents), scenes, edits)

    def single(self, model: Flux, count: int = 64, seed: int = 1001) -> Result:
        """One unambiguous instruction per scene, any description that fits exactly one object."""
        generator, rng = torch.Generator().manual_seed(seed), random.Random(seed)
        scenes = sample_scenes(count, generator, 2, 9)
        clauses = [sample_clauses(scenes, index, 1, rng, unique=True) for index in range(count)]
        rows = [[tokenize(prompt(row))] for row in clauses]
        return self.run(model, scenes, rows, edits_of(scenes, clauses), None)

    def conflicting(
        self, model: Flux, count: int = 32, seed: int = 2002, number: int = 3, masked: bool = True
    ) -> Result:
        """``number`` objects of one class, one instruction each by class alone, IDAttn masks or
        one joined prompt.
        """
        generator, rng = torch.Generator().manual_seed(seed), random.Random(seed)
        scenes = sample_scenes(count, generator, number, min(9, number + 3), same_shape=number)
        shape, colour = torch.full((2, count, CELLS), -1).unbind(0)
        shape, colour = shape.clone(), colour.clone()
        masks, rows = torch.zeros(count, number, 9, 9, dtype=torch.bool), []
        for index in range(count):
            common = int(scenes.shape[index][scenes.shape[index] >= 0].mode().values)
            cells = [c for c in range(CELLS) if scenes.shape[index, c] == common]
            pairs = [
                (s, k) for s in range(len(SHAPES)) for k in range(len(COLOUR_NAMES)) if s != common
            ]
            targets, words = rng.sample(pairs, number), []
            for n, (cell, (s, k)) in enumerate(zip(cells, targets, strict=False)):
                shape[index, cell], colour[index, cell] = s, k
                row, column = divmod(cell, 3)
                masks[index, n, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3] = True
                words.append(phrase(Clause(common, None, None, s, k)))
            joined = [tokenize(" and ".join(words))]
            rows.append([tokenize("")] + [tokenize(w) for w in words] if masked else joined)
        mask = disentangled_mask(masks, [len(span) for span in rows[0]]) if masked else None
        return self.run(model, scenes, rows, Edits(shape, colour), mask)
