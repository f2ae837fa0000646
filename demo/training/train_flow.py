"""Stage three of the training: the flow model."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from ..codec import Decoder, LinearEncoder
from ..flux import Flux, patchify, rope_table
from ..text import TextEncoder
from .evaluate import Judge
from .flow_data import BUCKETS, Batch, BatchSource
from .flow_heads import Heads, per_token
from .flow_run import PEAK_RATE, Run, new_run, save

logger = logging.getLogger(__name__)
BATCH, WARM_UP = 64, 100
OBJECT_WEIGHT = 4.0  # of tokens in cells with an object, edited or not
AUXILIARY = 0.1  # weight of the heads' loss
EMA = 0.998
EARLY = 0.15  # share of the run with at most one clause
CHECK_EVERY, SAVE_EVERY = 400, 200
Forward = Callable[..., tuple[Tensor, list[Tensor]]]


def sample_sigma(count: int, generator: torch.Generator) -> Tensor:
    """(B,) noise levels, mostly high: what to draw where is decided there."""
    uniform, kind = torch.rand(2, count, generator=generator).unbind(0)
    sigma = torch.where(kind < 0.55, 0.7 + 0.3 * uniform, 0.02 + 0.98 * uniform)
    return torch.where(kind > 0.92, torch.ones(count), sigma)


def losses(
    forward: Forward, heads: Heads, batch: Batch, generator: torch.Generator
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
    weight = 1 + (OBJECT_WEIGHT - 1) * per_token((batch.before.shape >= 0).long())
    return (error * weight).sum() / weight.sum(), heads([tap.float() for tap in taps], batch)


def rate_at(step: int, progress: float) -> float:
    """Warm-up by steps, cosine by wall clock."""
    return min(1.0, (step + 1) / WARM_UP) * (
        0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * min(1.0, progress)))
    )


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
    single, masked = judge.single(run.average), judge.conflicting(run.average)
    for name, r in (("single", single), ("masked", masked)):
        shares = (r.success, r.clean, r.ignored, r.leak)
        line = "check %d %s: success %.3f clean %.3f ignored %.3f leak %.3f mae_b %.2f"
        logger.info(line, run.step, name, *shares, r.mae_b)
    rows = [torch.cat(list(r.images[:8]), dim=2) for r in (single, masked)]
    sheet = (torch.cat(rows, dim=1) * 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(sheet).save(folder / "sheet.png")


def train_flow(
    folder: Path,
    codec: tuple[LinearEncoder, Decoder],
    text: TextEncoder,
    minutes: float,
    device: str = "cpu",
    compiled: bool = True,
) -> Flux:
    """Train until ``minutes`` are spent in all runs together; returns the averaged model."""
    path, run = folder / "flow.pt", new_run(device)
    if path.exists():
        run.restore(torch.load(path, weights_only=True, map_location=device))
    decoder = copy.deepcopy(codec[1]).to(device)
    judge = Judge(codec[0], decoder, text, device)
    source = BatchSource(codec[0], text, BATCH, seed=100 + run.step)
    generator = torch.Generator().manual_seed(200 + run.step)
    forward: Forward = run.model.forward_tokens
    if compiled:  # one graph per text length
        forward = torch.compile(forward, dynamic=False)
    while run.seconds < minutes * 60:
        start, progress = time.monotonic(), run.seconds / (minutes * 60)
        batch = source.draw(BUCKETS[:1] if progress < EARLY else BUCKETS).to(device)
        flow, auxiliary = train_step(run, forward, batch, generator, rate_at(run.step, progress))
        spent = time.monotonic() - start
        run.seconds += spent
        if run.step % 20 == 0:
            line = "flow step %d (%.1f %%): loss %.4f auxiliary %.4f %.2f s"
            logger.info(line, run.step, 100 * progress, flow, auxiliary, spent)
        if run.step % CHECK_EVERY == 0:
            report(run, judge, folder)
        if run.step % SAVE_EVERY == 0:
            save(run, path)
    save(run, path)
    return run.average
