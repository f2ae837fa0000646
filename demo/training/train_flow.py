"""Stage three of the training: the flow model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ..codec import LinearEncoder
from ..crowd.seeds import TRAINING
from ..flux import patchify, rope_table
from ..text import TextEncoder
from .evaluate import Judge
from .flow_data import Batch, BatchSource, token_weights
from .flow_heads import Heads
from .flow_run import PEAK_RATE, Run, new_run, save

logger = logging.getLogger(__name__)
WARM_UP = 100  # steps
AUXILIARY = 0.1  # weight of the heads' loss
EMA = 0.998
DECAY = 0.65  # share of the run after which the rate falls
CHECK_EVERY, SAVE_EVERY, KEEP_EVERY = 500, 50, 1000
CHECKS = (("joined", 1), ("dis", 5), ("har", 5), ("places", 5))  # what is asked, and of how many
CHECK_SCENES = 20
Forward = Callable[..., tuple[Tensor, list[Tensor]]]


def sample_sigma(count: int, generator: torch.Generator) -> Tensor:
    """(B,) noise levels, mostly high: what to draw where is decided there."""
    uniform, kind = torch.rand(2, count, generator=generator).unbind(0)
    sigma = torch.where(kind < 0.55, 0.7 + 0.3 * uniform, 0.02 + 0.98 * uniform)
    return torch.where(kind > 0.92, torch.ones(count), sigma)


def losses(
    forward: Forward, heads: Heads, batch: Batch, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Flow-matching loss and auxiliary loss, both by the tokens' weights."""
    x0, reference = patchify(batch.target), patchify(batch.source)
    count, device = len(x0), x0.device
    sigma = sample_sigma(count, generator).to(device)
    guidance = (1 + 4 * torch.rand(count, generator=generator)).to(device)
    noise = torch.randn(x0.shape, generator=generator).to(device)
    noisy = torch.lerp(x0, noise, sigma[:, None, None])
    image = torch.ones(count, 2 * x0.shape[1], dtype=torch.bool, device=device)
    mask = torch.cat((batch.real, image), dim=1)[:, None, None]
    grid = batch.target.shape[-1] // 2
    table = rope_table(batch.context.shape[1], grid, grid, device)
    with torch.autocast(device.type, torch.bfloat16):
        velocity, taps = forward(
            torch.cat((noisy, reference), 1), batch.context, sigma, guidance, table, mask
        )
    error = (velocity.float() - (noise - x0)).square().mean(-1)
    weight = token_weights(batch)
    return (error * weight).sum() / weight.sum(), heads([tap.float() for tap in taps], batch)


def rate_at(step: int, progress: float) -> float:
    """Warm-up, level, then down in a line."""
    fall = (1.0 - min(1.0, progress)) / (1.0 - DECAY)
    return min(1.0, (step + 1) / WARM_UP) * max(0.01, min(1.0, fall))


def train_step(
    run: Run, forward: Forward, batch: Batch, generator: torch.Generator, rate: float
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
    follow = get_ema_multi_avg_fn(min(EMA, (run.step + 1) / (run.step + 20)))
    follow([*run.average.parameters()], [p.detach() for p in run.model.parameters()], 0)
    return flow.item(), auxiliary.item()


def report(run: Run, judge: Judge, folder: Path) -> None:
    """Log the quick figures and write a sheet of sample edits."""
    rows: list[Tensor] = []
    for kind, instances in CHECKS:
        figures, row = judge.check(run.average, kind, instances, CHECK_SCENES)
        rows.append(row)
        words = " ".join(f"{name} {value:.3f}" for name, value in figures.items())
        logger.info("check %d %s_%d: %s", run.step, kind, instances, words)
    sheet = (torch.cat(rows, dim=1) * 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(sheet).save(folder / "sheet.png")


def train_flow(
    folder: Path,
    encoder: LinearEncoder,
    text: TextEncoder,
    steps: int,
    device: str = "cpu",
    compiled: bool = True,
) -> None:
    """Train until ``steps`` are made in all runs together; ``flow.pt`` holds the state.

    A copy of the averaged model stays every KEEP_EVERY steps.
    """
    path, run = folder / "flow.pt", new_run(device)
    if path.exists():
        run.restore(torch.load(path, weights_only=True, map_location=device))
    judge = Judge(encoder, text, device)
    source = BatchSource(encoder, text, seed=TRAINING.start + run.step)
    generator = torch.Generator().manual_seed(TRAINING.start + run.step)
    forward: Forward = run.model.forward_tokens
    if compiled:
        forward = torch.compile(forward, dynamic=False)
    while run.step < steps:
        start, progress = time.monotonic(), run.step / steps
        batch = source.draw().to(device)
        flow, auxiliary = train_step(run, forward, batch, generator, rate_at(run.step, progress))
        spent = time.monotonic() - start
        run.seconds += spent
        if run.step % 20 == 0:
            line = "flow step %d (%.1f %%): loss %.4f auxiliary %.4f %.2f s"
            logger.info(line, run.step, 100 * progress, flow, auxiliary, spent)
        if run.step % SAVE_EVERY == 0:
            save(run, path)
        if run.step % KEEP_EVERY == 0:
            torch.save(run.average.state_dict(), folder / f"average_{run.step}.pt")
        if run.step % CHECK_EVERY == 0:
            report(run, judge, folder)
    save(run, path)
