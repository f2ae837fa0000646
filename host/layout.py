"""Token layout as it will be in the model, read off a conditioning before anything is sampled."""

import math
from collections.abc import Mapping
from typing import Any

from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..attention.recipe import Extent
from ..attention.tokens import Grid, TokenLayout
from ..mask_ops.found_masks import spread_tokens
from ..mask_ops.regions import InstanceRegion
from .carrier import Conditioning, conditioning_spans
from .known import known_model
from .regions import PIXELS_PER_TOKEN, refuse_others
from .sampling_run import latent_samples
from .sequence import picture_extent

ASSUMED_GRID = (64, 64)
ASSUMED_TOKENS = 12
UNPATCHED_CHANNELS = 128  # FLUX.2's latents are one token per cell, FLUX.1's 2 x 2 cells


def block_count(model: ModelPatcher) -> int:
    """Number of blocks of a MODEL, doubles and singles together.

    Raises:
        ValueError: a model of no known family.
    """
    return known_model(model, "this node").blocks


def found_pixels(model: ModelPatcher, latent: Mapping[str, Any], masks: Tensor) -> Tensor:
    """(N, h, w) masks on the token grid as (N, H, W) float32 masks of the picture.

    Args:
        latent: the LATENT that was looked at.
    """
    patch = known_model(model, "this node").patch
    latent_format: Any = model.get_model_object("latent_format")
    scale: int = latent_format.spacial_downscale_ratio
    rows, columns = latent_samples(model, latent).shape[-2:]
    return spread_tokens(masks.float(), patch * scale, (rows * scale, columns * scale))


def reference_extents(conditioning: Conditioning) -> list[Extent]:
    """(rows, columns) of tokens of every reference latent in a conditioning."""
    for _, extras in conditioning:
        kinds = ("reference_latents", "context_latents")
        latents: list[Tensor] = next((extras[kind] for kind in kinds if extras.get(kind)), [])
        if latents:
            patches = [1 if x.shape[1] == UNPATCHED_CHANNELS else 2 for x in latents]
            return [picture_extent(x, patch) for x, patch in zip(latents, patches, strict=True)]
    return []


def expected_layout(
    regions: tuple[InstanceRegion, ...],
    image: Tensor | None,
    conditioning: Conditioning | None,
    picture: int | None = None,
) -> tuple[TokenLayout, list[Extent]]:
    """The layout of an edit, and the extents of its pictures in tokens.

    Args:
        image: (B, H, W, C), the picture that is edited; None: as large as the first reference.
        conditioning: from Multi-Prompt Encode and Reference Latent; None: every prompt counts as
            12 tokens, and the references as large as the picture.
        picture: number of the picture in a batch with regions of their own.
    """
    lengths = (ASSUMED_TOKENS,) * (1 + len(regions))
    references: list[Extent] = []
    if conditioning is not None:
        spans = conditioning_spans(conditioning, picture)
        refuse_others(regions, spans)
        lengths, references = spans.lengths, reference_extents(conditioning)
    latent: Extent = references[0] if references else ASSUMED_GRID
    if image is not None:
        latent = (image.shape[1] / PIXELS_PER_TOKEN, image.shape[2] / PIXELS_PER_TOKEN)
    if conditioning is None:
        owned = [region.reference + 1 for region in regions if region.reference is not None]
        references = [latent] * max(1, *owned, 0)
    extents = [latent, *references]
    grids: list[Grid] = [(math.ceil(rows), math.ceil(columns)) for rows, columns in extents]
    return TokenLayout(lengths, grids[0], tuple(grids[1:])), extents
