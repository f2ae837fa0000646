"""The decoders, pictures and regions that are measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from skimage.data import astronaut  # type: ignore[import-untyped]
from torch import Tensor

from ...mask_ops.boxes import Box
from ...mask_ops.composite import stretch
from ...mask_ops.regions import InstanceRegion, rasterise
from ..touched.jobs import raster


class Job(NamedTuple):
    """A decoder and what it decodes.

    Attributes:
        vae: ComfyUI's.
        samples: (1, C, h, w), the source's latent.
        image: (1, H, W, 3), the source.
        trained: whether anybody trained its weights.
    """

    vae: Any
    samples: Tensor
    image: Tensor
    trained: bool

    def edited(self, regions: Sequence[InstanceRegion]) -> dict[str, Tensor]:
        """A LATENT that shows another part of the picture inside the regions."""
        height, width = self.samples.shape[-2:]
        inside = rasterise(regions, (height, width)).any(0)
        other = self.samples.roll((height // 3, width // 5), (-2, -1))
        return {"samples": torch.where(inside, other, self.samples)}


def photograph(side: int) -> Tensor:
    """(1, side, side, 3) in [0, 1]: scikit-image's portrait of an astronaut."""
    return stretch(torch.tensor(astronaut())[None] / 255, (side, side))


def random_job(vae: Any, side: int) -> Job:
    """A decoder with random weights, and a latent that follows the photograph place by place.

    Each cell is a random projection of its pixels, of mean 0 and deviation 1 in every channel: as
    uneven over the picture as the photograph is. The source is what the decoder makes of it, as a
    trained one nearly does.
    """
    pixels, factor = photograph(side).movedim(-1, 1), vae.spacial_compression_decode()
    patches = torch.nn.functional.pixel_unshuffle(pixels, factor)
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn((vae.latent_channels, patches.shape[1]), generator=generator)
    mixed = torch.einsum("cp,bphw->bchw", mixing, patches)
    deviation, mean = torch.std_mean(mixed, (2, 3), keepdim=True)
    samples = (mixed - mean) / deviation
    return Job(vae, samples, vae.decode(samples), trained=False)


def trained_job(vae: Any, side: int) -> Job:
    """A trained VAE and the photograph as it encodes it."""
    image = photograph(side)
    return Job(vae, vae.encode(image), image, trained=True)


def touched_regions(number: int, share: float) -> tuple[InstanceRegion, ...]:
    """N boxes, evenly spread, that cover this share of the picture together."""
    rows, columns = raster(number)
    side = share**0.5
    boxes = [
        Box(
            (x + 0.5 - side / 2) / columns,
            (y + 0.5 - side / 2) / rows,
            (x + 0.5 + side / 2) / columns,
            (y + 0.5 + side / 2) / rows,
        )
        for y in range(rows)
        for x in range(columns)
    ]
    return tuple(InstanceRegion(f"instruction {n}", box=box) for n, box in enumerate(boxes, 1))
