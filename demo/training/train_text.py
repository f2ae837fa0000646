"""Stage two of the training: the text encoder learns to parse.

Every token of a clause has to tell the clause's source shape, colour and place and its target by
linear heads. A prompt has one clause or none: lists are as foreign to the encoder as to the flow
model. The heads are dropped, the features frozen.
"""

from __future__ import annotations

import logging
import math
import random
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..instructions import DESCRIPTIONS, Clause, clause_for, phrase
from ..shapes import COLOUR_NAMES, LOCATIONS, SHAPES
from ..text import WIDTH, TextEncoder, pad_tokens, tokenize

logger = logging.getLogger(__name__)
# Answers per question, the last one meaning "not mentioned".
ANSWERS = (
    len(SHAPES) + 1,
    len(COLOUR_NAMES) + 1,
    len(LOCATIONS) + 1,
    len(SHAPES) + 1,
    len(COLOUR_NAMES) + 1,
)
BATCH, STEPS, PEAK_RATE = 96, 500, 2e-3
EMPTY = 0.08  # share of prompts without a clause
IGNORED = -100


def random_clause(rng: random.Random) -> Clause:
    """A clause about nothing in particular."""
    shape, colour, cell = (
        rng.randrange(n) for n in (len(SHAPES), len(COLOUR_NAMES), len(LOCATIONS))
    )
    return clause_for(rng, shape, colour, cell, *rng.choice(DESCRIPTIONS))


def answers(clause: Clause) -> list[int]:
    """The five attributes with "not mentioned" as the last class."""
    given = (
        clause.shape,
        clause.colour,
        clause.location,
        clause.target_shape,
        clause.target_colour,
    )
    return [n - 1 if value is None else value for value, n in zip(given, ANSWERS, strict=True)]


def worded(clause: Clause, rng: random.Random) -> str:
    """The clause in one of a few wordings, sometimes with a full stop."""
    words = phrase(clause)
    if rng.random() < 0.2:
        words = words.replace(" at ", " at the ")
    if rng.random() < 0.1:
        words = words.replace(" with an ", " with the ").replace(" with a ", " with the ")
    return words + rng.choice(("", "", "", "."))


def exercise(rng: random.Random) -> tuple[list[int], list[list[int]]]:
    """A prompt's tokens and, per token, the five answers (<end> belongs to no clause)."""
    nothing = [n - 1 for n in ANSWERS]
    if rng.random() < EMPTY:
        return tokenize(""), [nothing]
    clause = random_clause(rng)
    tokens = tokenize(worded(clause, rng))
    return tokens, [answers(clause)] * (len(tokens) - 1) + [nothing]


def exercises(rng: random.Random) -> tuple[Tensor, Tensor]:
    """Tokens (B, T) and answers (B, T, 5), IGNORED on padding."""
    rows = [exercise(rng) for _ in range(BATCH)]
    length = max(len(tokens) for tokens, _ in rows)
    filler = [IGNORED] * len(ANSWERS)
    labels = torch.tensor([row + [filler] * (length - len(row)) for _, row in rows])
    return pad_tokens([tokens for tokens, _ in rows]), labels


def parse_loss(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Summed cross entropy of the five questions and the share of tokens with all five right."""
    real = labels[..., 0] != IGNORED
    correct, loss = real.clone(), logits.new_zeros(())
    for number, part in enumerate(logits.split(ANSWERS, dim=-1)):
        loss = loss + functional.cross_entropy(
            part.flatten(0, 1), labels[..., number].flatten(), ignore_index=IGNORED
        )
        correct &= part.argmax(-1) == labels[..., number]
    return loss, correct.sum() / real.sum()


def train_text(path: Path, device: str = "cpu", steps: int = STEPS) -> None:
    """Pretrain the text encoder and save it; a finished file is kept."""
    if path.exists():
        return
    torch.manual_seed(4)
    rng = random.Random(5)
    encoder, heads = TextEncoder().to(device), nn.Linear(WIDTH, sum(ANSWERS)).to(device)
    nn.init.normal_(encoder.embedding.weight, std=0.5)
    parameters = [*encoder.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=PEAK_RATE, weight_decay=1e-2, betas=(0.9, 0.98))
    for step in range(steps):
        rate = (
            PEAK_RATE * min(1.0, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
            + 1e-5
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        tokens, labels = exercises(rng)
        with torch.autocast(device, torch.bfloat16):
            logits = heads(encoder(tokens.to(device)))
        loss, accuracy = parse_loss(logits.float(), labels.to(device))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        if step % 100 == 99:
            logger.info(
                "text step %d: loss %.4f, tokens parsed %.2f %%",
                step + 1,
                loss.item(),
                100 * accuracy,
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({key: value.detach().cpu() for key, value in encoder.state_dict().items()}, path)


def load_text(path: Path) -> TextEncoder:
    """The frozen encoder that train_text saved."""
    encoder = TextEncoder()
    encoder.load_state_dict(torch.load(path, weights_only=True))
    return encoder.eval().requires_grad_(False)
