"""Quick figures during training: single edits, masked ones, and lists, which have to fail."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..codec import FACTOR, LinearEncoder
from ..crowd.conflicts import Conflict, conflict_apart
from ..crowd.drawing import draw, silhouette
from ..crowd.judge import Verdict, judge
from ..crowd.scene import CANVAS
from ..crowd.seeds import CHOOSING
from ..flux import Flux
from ..text import TextEncoder, tokenize
from .flow_data import TOKEN, encode_spans

SHIFT = 1.15
GUIDANCE = 3.5
ROOM = 6  # pixels around a silhouette
KINDS = ("joined", "places", "dis", "har")


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
    """Euler sampling from noise: latents (B, 16, 24, 24)."""
    x = torch.randn(reference.shape, generator=generator).to(reference.device)
    schedule, count = sigmas(steps), len(reference)
    for now, after in zip(schedule, schedule[1:], strict=False):
        sigma = torch.full((count,), now, device=x.device)
        guidance = torch.full((count,), GUIDANCE, device=x.device)
        with torch.autocast(x.device.type, torch.bfloat16):
            velocity = model(x, sigma, context, reference, guidance, mask)
        x = x + (after - now) * velocity.float()
    return x


def idattn_mask(masks: Tensor, text_lengths: list[int], kind: str) -> Tensor:
    """IDAttn's `dis` or `har`: (Z, Z) bool, True = open.

    Args:
        masks: (N, h, w) bool.
        text_lengths: tokens of the global prompt and of every instance's, 1 + N.
    """
    count = len(masks)
    owner = torch.cat([torch.full((length,), number) for number, length in enumerate(text_lengths)])
    cells, text = masks.flatten(1), len(owner)
    own_text = owner[None] == torch.arange(1, count + 1)[:, None]
    member = torch.cat((own_text, cells, cells), dim=1)  # (N, Z)
    together = (member[:, :, None] & member[:, None]).any(0)
    seen = torch.ones(member.shape[1], dtype=torch.bool)  # all but the instances' prompts
    seen[text_lengths[0] : text] = False
    wide = ~member.any(0)
    if kind == "har":
        wide[text:] = True
    return together | (wide[:, None] & seen[None])


def linear_pictures(encoder: LinearEncoder, latents: Tensor) -> Tensor:
    """Latents -> pictures (B, 3, 192, 192) by the encoder's pseudo-inverse: no decoder needed."""
    patches = latents.flatten(2).transpose(1, 2) @ torch.linalg.pinv(encoder.projection)
    pixels = (patches + encoder.mean).transpose(1, 2)
    return functional.fold(pixels, CANVAS, FACTOR, stride=FACTOR).clamp(0, 1)


def token_masks(conflict: Conflict) -> Tensor:
    """(N, 12, 12) bool: tokens that an instance's silhouette with some room touches."""
    things = [conflict.scene.things[number] for number in conflict.numbers]
    shown = torch.stack([silhouette(thing, CANVAS) for thing in things]).float()
    grown = functional.max_pool2d(shown, 2 * ROOM + 1, 1, ROOM)
    return functional.max_pool2d(grown, TOKEN) > 0


def prompt_rows(conflict: Conflict, kind: str) -> list[list[int]]:
    """The spans of one way to ask."""
    if kind == "joined":
        return [tokenize(conflict.joined)]
    if kind == "places":
        return [tokenize(conflict.joined_with_places)]
    return [tokenize(text) for text in ("", *conflict.instructions)]


@dataclass(frozen=True)
class Judge:
    """Everything a quick evaluation needs; ``device`` is where the model is."""

    encoder: LinearEncoder
    text: TextEncoder
    device: str = "cpu"
    steps: int = 4

    def run(self, model: Flux, conflict: Conflict, kind: str, seed: int) -> tuple[Verdict, Tensor]:
        """Edit one scene and judge it; the picture (3, 192, 192) comes with the verdict."""
        source = draw(conflict.scene)
        rows = prompt_rows(conflict, kind)
        context, _ = encode_spans(self.text, [rows], sum(map(len, rows)))
        mask = None
        if kind in ("dis", "har"):
            mask = idattn_mask(token_masks(conflict), [len(row) for row in rows], kind)[None, None]
            mask = mask.to(self.device)
        reference = self.encoder.encode(source[None]).to(self.device)
        generator = torch.Generator().manual_seed(seed)
        latents = edit(model, reference, context.to(self.device), mask, self.steps, generator)
        picture = linear_pictures(self.encoder, latents.cpu())[0]
        return judge(picture, conflict.scene, conflict.targets, source), picture

    def check(
        self, model: Flux, kind: str, instances: int, count: int
    ) -> tuple[dict[str, float], Tensor]:
        """Mean verdicts on scenes of the choosing seeds, and the first pictures side by side."""
        verdicts: list[Verdict] = []
        pictures: list[Tensor] = []
        for seed in range(count):
            rng = random.Random(CHOOSING.start + 100 * instances + seed)
            verdict, picture = self.run(model, conflict_apart(rng, instances), kind, seed)
            verdicts.append(verdict)
            pictures.append(picture)
        return averages(verdicts), torch.cat(pictures[:8], dim=2)


def averages(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """Means of every share, nan left out."""
    rows = torch.tensor([list(vars(verdict).values()) for verdict in verdicts])
    return dict(zip(vars(verdicts[0]), rows.nanmean(0).tolist(), strict=True))
