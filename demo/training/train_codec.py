"""Stage one of the training: the linear encoder is fitted, TAESD's decoder is trained."""

from __future__ import annotations

import logging
import math
import random
import time
from pathlib import Path

import torch
from torch import Tensor

from ..codec import Decoder, LinearEncoder, fit_encoder
from ..crowd.drawing import draw
from ..crowd.scene import CANVAS
from ..crowd.seeds import TRAINING
from .flow_data import training_scene

logger = logging.getLogger(__name__)
BATCH = 4
PEAK_RATE = 2e-3


def pictures(count: int, rng: random.Random) -> Tensor:
    """(count, 3, 192, 192) crowded pictures as the flow model meets them."""
    return torch.stack([draw(training_scene(rng, CANVAS)) for _ in range(count)])


def fitted_encoder() -> LinearEncoder:
    """The encoder fitted to 384 pictures of a fixed seed: always the same."""
    return fit_encoder(pictures(384, random.Random(TRAINING.stop - 1)))


def kept_encoder(path: Path) -> LinearEncoder:
    """The fitted encoder, kept in a file from its first use on."""
    if not path.exists():
        fitted = fitted_encoder()
        torch.save({"mean": fitted.mean, "projection": fitted.projection}, path)
    return LinearEncoder(**torch.load(path, weights_only=True))


def decoder_batch(
    encoder: LinearEncoder, rng: random.Random, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Slightly noisy latents (B, 16, 24, 24) and the pictures (B, 3, 192, 192) they stand for."""
    images = pictures(BATCH, rng)
    latents = encoder.encode(images)
    noise = torch.rand(BATCH, 1, 1, 1, generator=generator) * 0.08
    return latents + noise * torch.randn(latents.shape, generator=generator), images


def rate_at(step: int, progress: float) -> float:
    """Warm-up over 50 steps, cosine by wall clock."""
    warm_up = PEAK_RATE * min(1.0, (step + 1) / 50)
    return warm_up * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-5


def train_step(
    decoder: Decoder, optimizer: torch.optim.Optimizer, latents: Tensor, pixels: Tensor
) -> tuple[float, float]:
    """One update of the decoder: its loss and the PSNR in dB."""
    with torch.autocast(latents.device.type, torch.bfloat16):
        error = decoder.decode(latents).float() - pixels
    loss = error.abs().mean() + 4 * error.square().mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(decoder.parameters(), 1.0)
    optimizer.step()
    return loss.item(), -10 * math.log10(error.square().mean().item())


def train_codec(path: Path, encoder: LinearEncoder, minutes: float, device: str = "cpu") -> None:
    """Train the decoder for the given time and save it with the encoder; a finished file stays."""
    if path.exists():
        return
    torch.manual_seed(2)
    generator = torch.Generator().manual_seed(3)
    rng = random.Random(TRAINING.stop - 2)
    decoder = Decoder().to(device)
    decoder.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(
        decoder.parameters(), lr=PEAK_RATE, weight_decay=1e-4, betas=(0.9, 0.98)
    )
    start, step = time.monotonic(), 0
    while (progress := (time.monotonic() - start) / (minutes * 60)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, progress)
        latents, pixels = decoder_batch(encoder, rng, generator)
        latents = latents.to(device, memory_format=torch.channels_last)
        loss, psnr = train_step(decoder, optimizer, latents, pixels.to(device))
        step += 1
        if step % 50 == 0:
            line = "codec step %d (%.0f %%): loss %.4f, PSNR %.1f dB"
            logger.info(line, step, 100 * progress, loss, psnr)
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.detach().cpu().contiguous() for key, value in decoder.state_dict().items()}
    torch.save({"mean": encoder.mean, "projection": encoder.projection, "decoder": state}, path)


def load_codec(path: Path) -> tuple[LinearEncoder, Decoder]:
    """The codec that train_codec saved."""
    saved = torch.load(path, weights_only=True)
    decoder = Decoder()
    decoder.load_state_dict(saved["decoder"])
    return LinearEncoder(saved["mean"], saved["projection"]), decoder.eval()
