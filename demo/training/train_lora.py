"""Train a LoRA on the shipped miniature that draws what an edit makes in a style.

    python -m tools.run demo.training.train_lora --style hollow --output hollow.safetensors

A few minutes on two cores. Its file has ComfyUI's own names, so that every LoRA loader takes it.
"""

from __future__ import annotations

import argparse
import logging
import random
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ..codec import LinearEncoder
from ..flux import Flux, patchify, rope_table
from ..instructions import edits_of, phrase, sample_clauses
from ..scenes import GRID, apply_edits, render, sample_scenes
from ..text import TextEncoder, tokenize
from ..weights import load_weights
from .flow_data import encode_spans
from .styles import STYLES, render_styled
from .train_flow import sample_sigma

logger = logging.getLogger(__name__)
RANK, RATE, STEPS, BATCH, LENGTH = 16, 2e-3, 400, 24, 12
TOKENS = 3 * GRID
LAYERS = ("qkv", "proj", "mlp.0", "mlp.2", "linear1", "linear2")
"""Ends of the names of the layers that act on tokens."""
EDITED = 8.0  # weight of tokens in cells that change


class LoraLinear(nn.Module):
    """A layer as it is, and a trained change of low rank."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(torch.randn(RANK, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, RANK))

    def forward(self, x: Tensor) -> Tensor:
        """(.., in) -> (.., out)."""
        return self.base(x) + x @ self.down.T @ self.up.T


def with_loras(model: Flux) -> dict[str, LoraLinear]:
    """Put a LoRA around every layer that acts on tokens; by their names."""
    names = [name for name, _ in model.named_modules() if name.endswith(LAYERS)]
    added: dict[str, LoraLinear] = {}
    for name in names:
        above, _, last = name.rpartition(".")
        added[name] = LoraLinear(model.get_submodule(name))  # type: ignore[arg-type]
        setattr(model.get_submodule(above), last, added[name])
    return added


class Examples:
    """Endless batches: a scene, one instruction, and what it makes in a style."""

    def __init__(self, encoder: LinearEncoder, text: TextEncoder, style: str, seed: int) -> None:
        self.encoder, self.text, self.style = encoder, text, style
        self.rng, self.generator = random.Random(seed), torch.Generator().manual_seed(seed)

    def draw(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Latents of target and source (B, 81, 64), text (B, T, 128), its real tokens (B, T) bool,
        and the weight of every token (B, 81)."""
        scenes = sample_scenes(BATCH, self.generator, 2, 9, same_shape=self.rng.choice((0, 2, 3)))
        clauses = [sample_clauses(scenes, n, 1, self.rng) for n in range(BATCH)]
        edits = edits_of(scenes, clauses)
        rows = [[tokenize(phrase(one[0]) if one else "")] for one in clauses]
        context, real = encode_spans(self.text, rows, LENGTH)
        after = render_styled(apply_edits(scenes, edits), edits.shape >= 0, self.style)
        latents = self.encoder.encode(torch.cat([after, render(scenes)]))
        weight = 1 + (EDITED - 1) * (edits.shape >= 0).float().unflatten(1, (GRID, GRID))
        each = weight.repeat_interleave(3, 1).repeat_interleave(3, 2).flatten(1)
        target, source = patchify(latents).chunk(2)
        return target, source, context, real, each


def train(style: str, steps: int, seed: int = 0) -> dict[str, Tensor]:
    """The LoRA's tensors."""
    torch.manual_seed(seed)
    weights = load_weights()
    model = weights.flow()
    loras = with_loras(model)
    examples = Examples(weights.encoder, weights.text_encoder(), style, 7_000_000 + seed)
    trained = [one for lora in loras.values() for one in (lora.down, lora.up)]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for step in range(steps):
        loss = flow_loss(model, examples)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            logger.info("%s, step %d of %d: loss %.4f", style, step, steps, loss.item())
    tensors: dict[str, Tensor] = {}
    for name, lora in loras.items():
        tensors[f"diffusion_model.{name}.lora_up.weight"] = lora.up.detach().bfloat16()
        tensors[f"diffusion_model.{name}.lora_down.weight"] = lora.down.detach().bfloat16()
    return tensors


def flow_loss(model: Flux, examples: Examples) -> Tensor:
    """Flow-matching loss of one batch."""
    target, source, context, real, weight = examples.draw()
    generator, count = examples.generator, len(target)
    sigma = sample_sigma(count, generator)
    guidance = 1 + 4 * torch.rand(count, generator=generator)
    noise = torch.randn(target.shape, generator=generator)
    noisy = torch.lerp(target, noise, sigma[:, None, None])
    image = torch.ones(count, 2 * target.shape[1], dtype=torch.bool)
    mask = torch.cat((real, image), dim=1)[:, None, None]
    table = rope_table(context.shape[1], TOKENS, TOKENS, target.device)
    with torch.autocast("cpu", torch.bfloat16):
        velocity, _ = model.forward_tokens(
            torch.cat((noisy, source), 1), context, sigma, guidance, table, mask
        )
    error = (velocity.float() - (noise - target)).square().mean(-1)
    return (error * weight).sum() / weight.sum()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--style", choices=STYLES, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    save_file(train(options.style, options.steps), options.output)


if __name__ == "__main__":
    main()
