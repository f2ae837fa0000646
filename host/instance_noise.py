"""Noise of its own for each instance that has a seed, as NOISE and inside a model's runs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import comfy.patcher_extension
import comfy.sample
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..mask_ops.found_masks import spread_tokens
from ..sampling.own_noise import place_noise
from .carrier import Items
from .known import known_model
from .regions import Regions, carried_regions
from .sampling_run import pictures_only
from .sequence import picture_extent

NODE, KEY = "Instance Noise", "instance_edit_noise"


@dataclass(frozen=True)
class InstanceNoise:
    """What a NOISE socket holds: ComfyUI asks for the seed and for the noise of a latent.

    Attributes:
        seed: of the whole picture's noise, as Random Noise makes it.
        items: of each conditioning, one for all pictures of a batch or one per picture.
        patch: side of a token in latent pixels.
    """

    seed: int
    items: tuple[Items, ...]
    patch: int

    def generate_noise(self, input_latent: Mapping[str, Any]) -> Tensor:
        """(B, C, H, W) for a LATENT."""
        samples, numbers = pictures_only(input_latent["samples"]), input_latent.get("batch_index")
        noise = picture_noise(samples, self.seed, numbers)
        return own_noise(noise, self.items, self.patch, numbers)


def picture_noise(samples: Tensor, seed: int, numbers: Sequence[int] | None) -> Tensor:
    """(B, C, H, W) as core's samplers make it of a seed; see ``own_noise`` for the numbers."""
    noise: Any = comfy.sample.prepare_noise(samples, seed, numbers)  # nested for nested samples
    return noise


def own_noise(
    noise: Tensor,
    items: Sequence[Items],
    patch: int,
    numbers: Sequence[int] | None = None,
) -> Tensor:
    """The noise, with that of its seed on the tokens of every instance that has one.

    It is the noise that the whole picture would have with that seed: so it stays where it is
    whatever shape the instance gets.

    Args:
        noise: (B, C, H, W).
        items, patch: see ``InstanceNoise``.
        numbers: of the pictures in the batch that they come from; default: all in order.

    Raises:
        ValueError: regions of more pictures than there are, or without a place.
    """
    pictures = pictures_only(noise)

    @cache
    def seeded(seed: int) -> Tensor:
        return picture_noise(pictures.cpu(), seed, numbers)

    for several in items:
        if len(pictures) % len(several):
            raise ValueError(
                f"the conditioning holds regions of {len(several)} pictures, but the latent has "
                f"{len(pictures)}: the latent's batch must be as large."
            )
    made: list[Tensor] = []
    for n, picture in enumerate(pictures):
        regions = [carried_regions(several[n % len(several)]) for several in items]
        places = [place for one in regions for place in own_cells(one, picture, patch)]
        made.append(place_noise(picture, [(cells, seeded(seed)[n]) for cells, seed in places]))
    return torch.stack(made)


def own_cells(regions: Regions, picture: Tensor, patch: int) -> list[tuple[Tensor, int]]:
    """(H, W) bool and the seed of every region that has one, on a (C, H, W) latent."""
    size, extent = (picture.shape[-2], picture.shape[-1]), picture_extent(picture, patch)
    grid = (math.ceil(extent[0]), math.ceil(extent[1]))
    return [
        (spread_tokens(region.on_grid(grid, extent)[None], patch, size)[0], region.seed)
        for region in regions
        if region.seed is not None
    ]


def with_own_noise(model: ModelPatcher, noise: InstanceNoise) -> ModelPatcher:
    """A clone of the model in whose runs the start noise is the sampler's, but for the instances.

    A run without noise (KSampler Advanced that goes on) gets none.
    """

    def outer_sample(
        executor: Callable[..., Any], start: Tensor, latent: Tensor, *args: Any, **kwargs: Any
    ) -> Any:
        if bool(start.any()):
            start = own_noise(start, noise.items, noise.patch)
        return executor(start, latent, *args, **kwargs)

    patched = model.clone()
    kind = comfy.patcher_extension.WrappersMP.OUTER_SAMPLE
    patched.remove_wrappers_with_key(kind, KEY)
    patched.add_wrapper_with_key(kind, KEY, outer_sample)
    return patched


def instance_noise(model: ModelPatcher, items: tuple[Items, ...], seed: int) -> InstanceNoise:
    """The noise for a model of a known family, whose tokens count."""
    return InstanceNoise(seed, items, known_model(model, NODE).patch)
