"""Stage three of the training: the flow model.

Besides the flow-matching loss, linear heads on the image stream after some blocks have to name
the shape and colour of the source object (reference tokens) and of the wanted object (latent
tokens). They teach the selection by words early and are dropped from the exported model.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from .codec import Decoder, LinearEncoder
from .evaluate import Judge
from .flow_data import BUCKETS, Batch, BatchSource
from .flux import DEPTH, Flux, patchify, rope_table
from .shapes import COLOUR_NAMES, SHAPES
from .text import TextEncoder

logger = logging.getLogger(__name__)
BATCH, PEAK_RATE, WARM_UP = 64, 2e-3, 100
OBJECT_WEIGHT = 4.0  # of tokens in cells with an object, edited or not
EMA = 0.998
EARLY = 0.15  # share of the run with at most one clause
CHECK_EVERY, SAVE_EVERY = 400, 200
SOURCE_TAPS, TARGET_TAPS, AUXILIARY = (1, 2), (2, 3, 4), 0.1
SIZES = (len(SHAPES) + 1, len(COLOUR_NAMES) + 1)


class Heads(nn.Module):
    """The auxiliary linear readers."""

    def __init__(self) -> None:
        super().__init__()
        self.source = nn.ModuleList(nn.Linear(128, sum(SIZES)) for _ in SOURCE_TAPS)
        self.target = nn.ModuleList(nn.Linear(128, sum(SIZES)) for _ in TARGET_TAPS)

    def forward(self, taps: list[Tensor], batch: Batch) -> Tensor:
        """Summed cross entropies; taps (B, 162, 128) with latents before reference."""
        loss = taps[0].new_zeros((), dtype=torch.float32)
        before, after = (_answers(s.shape, s.colour) for s in (batch.before, batch.after))
        for head, tap in zip(self.source, SOURCE_TAPS, strict=True):
            loss = loss + _cross_entropy(head(taps[tap][:, 81:]), before)
        for head, tap in zip(self.target, TARGET_TAPS, strict=True):
            loss = loss + _cross_entropy(head(taps[tap][:, :81]), after)
        return loss


def _per_token(cells: Tensor) -> Tensor:
    """(B, 9) per cell -> (B, 81) per token."""
    return cells.unflatten(1, (3, 3)).repeat_interleave(3, 1).repeat_interleave(3, 2).flatten(1)


def _answers(shape: Tensor, colour: Tensor) -> tuple[Tensor, Tensor]:
    return _per_token(shape + 1), _per_token(colour + 1)  # 0 = empty cell


def _cross_entropy(logits: Tensor, answers: tuple[Tensor, Tensor]) -> Tensor:
    parts = logits.float().split(SIZES, dim=-1)
    return sum(
        (
            functional.cross_entropy(part.flatten(0, 1), answer.flatten())
            for part, answer in zip(parts, answers, strict=True)
        ),
        start=logits.new_zeros((), dtype=torch.float32),
    )


def initialise(model: Flux) -> None:
    """Modulations start at zero with open gates; the image attention of the double blocks starts
    out local.

    Equal query and key biases in the fast RoPE channels make a token look at its own place and at
    the same place of the reference before it has learned anything.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    for name, module in model.named_modules():
        if name.endswith(("_mod.lin", "modulation.lin")):
            nn.init.zeros_(module.weight)
            with torch.no_grad():
                for gate in module.bias.unflatten(0, (-1, 3, 128)):
                    gate[2] = 0.5
    nn.init.zeros_(model.final_layer.adaLN_modulation[1].weight)
    local = torch.zeros(128)
    local[16:24], local[72:80] = 1.6, 1.6  # the four fastest pairs of both spatial axes
    for block in model.double_blocks[:DEPTH]:
        with torch.no_grad():
            block.img_attn.qkv.bias[:128], block.img_attn.qkv.bias[128:256] = local, local


def sample_sigma(count: int, generator: torch.Generator) -> Tensor:
    """(B,) noise levels, mostly high: what to draw where is decided there."""
    uniform, kind = torch.rand(2, count, generator=generator).unbind(0)
    sigma = torch.where(kind < 0.55, 0.7 + 0.3 * uniform, 0.02 + 0.98 * uniform)
    return torch.where(kind > 0.92, torch.ones(count), sigma)


@dataclass
class Run:
    """Everything that a checkpoint holds."""

    model: Flux
    heads: Heads
    average: Flux
    optimizers: list[torch.optim.Optimizer]
    step: int = 0
    seconds: float = 0.0

    def state(self) -> dict[str, object]:
        """For torch.save."""
        modules = {name: getattr(self, name).state_dict() for name in ("model", "heads", "average")}
        return modules | {
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
        }

    def restore(self, state: dict[str, object]) -> None:
        """Continue from a saved state."""
        for name in ("model", "heads", "average"):
            getattr(self, name).load_state_dict(state[name])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.seconds = state["step"], state["seconds"]


def optimizers_for(model: Flux, heads: Heads) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices, AdamW for everything else."""
    matrices = [
        p for n, p in model.named_parameters() if p.ndim == 2 and "blocks" in n and "mod" not in n
    ]
    chosen = {id(p) for p in matrices}
    rest = [p for p in [*model.parameters(), *heads.parameters()] if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=PEAK_RATE, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=PEAK_RATE, weight_decay=0.0, betas=(0.9, 0.98)),
    ]


def new_run(device: str) -> Run:
    """A freshly initialised run."""
    torch.manual_seed(6)
    model, heads = Flux().to(device), Heads().to(device)
    initialise(model)
    average = copy.deepcopy(model).requires_grad_(False)
    return Run(model, heads, average, optimizers_for(model, heads))


def losses(
    forward: object, heads: Heads, batch: Batch, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Flow-matching loss (weighted by object cells) and auxiliary loss."""
    x0, reference = patchify(batch.target), patchify(batch.source)
    count, device = len(x0), x0.device
    sigma = sample_sigma(count, generator).to(device)
    guidance = (1 + 4 * torch.rand(count, generator=generator)).to(device)
    noise = torch.randn(x0.shape, generator=generator).to(device)
    noisy = torch.lerp(x0, noise, sigma[:, None, None])
    image = torch.ones(count, 2 * x0.shape[1], dtype=torch.bool, device=device)
    mask = torch.cat((batch.real, image), dim=1)[:, None, None]
    table = rope_table(batch.context.shape[1], 9, 9, device)
    with torch.autocast(device.type, torch.bfloat16):
        velocity, taps = forward(
            torch.cat((noisy, reference), 1), batch.context, sigma, guidance, table, mask
        )
    error = (velocity.float() - (noise - x0)).square().mean(-1)
    weight = 1 + (OBJECT_WEIGHT - 1) * _per_token((batch.before.shape >= 0).long())
    return (error * weight).sum() / weight.sum(), heads([tap.float() for tap in taps], batch)


def rate_at(step: int, progress: float) -> float:
    """Warm-up by steps, cosine by wall clock."""
    return min(1.0, (step + 1) / WARM_UP) * (
        0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * min(1.0, progress)))
    )


def train_step(
    run: Run, forward: object, batch: Batch, generator: torch.Generator, rate: float
) -> tuple[float, float]:
    """One update of the model and of its moving average."""
    flow, auxiliary = losses(forward, run.heads, batch, generator)
    (flow + AUXILIARY * auxiliary).backward()
    torch.nn.utils.clip_grad_norm_([*run.model.parameters(), *run.heads.parameters()], 1.0)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * rate
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    run.step += 1
    decay = min(EMA, (run.step + 1) / (run.step + 20))
    torch._foreach_lerp_(
        list(run.average.parameters()), [p.detach() for p in run.model.parameters()], 1 - decay
    )
    return flow.item(), auxiliary.item()


def report(run: Run, judge: Judge, folder: Path) -> None:
    """Log the quick figures and write a sheet of sample edits."""
    single, masked = judge.single(run.average), judge.conflicting(run.average)
    for name, r in (("single", single), ("masked", masked)):
        logger.info(
            "check %d %s: success %.3f clean %.3f untouched %.3f leak %.3f mae_b %.2f",
            run.step,
            name,
            r.success,
            r.clean,
            r.untouched,
            r.leak,
            r.mae_b,
        )
    rows = [torch.cat(list(r.images[:8]), dim=2) for r in (single, masked)]
    sheet = (torch.cat(rows, dim=1) * 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(sheet).save(folder / "sheet.png")


def save(run: Run, path: Path) -> None:
    """Write the checkpoint in one move, so that an interruption cannot spoil it."""
    torch.save(run.state(), path.with_suffix(".part"))
    path.with_suffix(".part").replace(path)


def train_flow(
    folder: Path,
    codec: tuple[LinearEncoder, Decoder],
    text: TextEncoder,
    minutes: float,
    device: str = "cpu",
) -> Flux:
    """Train until ``minutes`` of training time are spent in all runs together; returns the
    averaged model.
    """
    path, run = folder / "flow.pt", new_run(device)
    if path.exists():
        run.restore(torch.load(path, weights_only=True, map_location=device))
    decoder = copy.deepcopy(codec[1]).to(device)
    judge = Judge(codec[0], decoder, text, device)
    source = BatchSource(codec[0], text, BATCH, seed=100 + run.step)
    generator = torch.Generator().manual_seed(200 + run.step)
    forward = torch.compile(run.model.forward_tokens, dynamic=False)
    while run.seconds < minutes * 60:
        start, progress = time.monotonic(), run.seconds / (minutes * 60)
        batch = source.draw(BUCKETS[:1] if progress < EARLY else BUCKETS).to(device)
        flow, auxiliary = train_step(run, forward, batch, generator, rate_at(run.step, progress))
        spent = time.monotonic() - start
        run.seconds += spent
        if run.step % 20 == 0:
            logger.info(
                "flow step %d (%.1f %%): loss %.4f auxiliary %.4f %.2f s",
                run.step,
                100 * progress,
                flow,
                auxiliary,
                spent,
            )
        if run.step % CHECK_EVERY == 0:
            report(run, judge, folder)
        if run.step % SAVE_EVERY == 0:
            save(run, path)
    save(run, path)
    return run.average
