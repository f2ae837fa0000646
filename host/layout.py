"""Token layout as it will be in the model, read off a conditioning before anything is sampled."""

from typing import Any

from torch import Tensor

from ..attention.recipe import Extent
from ..attention.tokens import Grid, TokenLayout
from ..mask_ops.regions import InstanceRegion
from ..prompts.spans import PromptSpans
from .patch import KEY

PIXELS_PER_TOKEN = 16
ASSUMED_GRID = (64, 64)
ASSUMED_TOKENS = 12
UNPATCHED_CHANNELS = 128  # FLUX.2's latents are one token per cell, FLUX.1's 2 x 2 cells


def conditioning_spans(conditioning: list[list[Any]]) -> PromptSpans:
    """The prompt spans that Multi-Prompt Encode put into a conditioning."""
    for _, extras in conditioning:
        spans = extras.get("model_conds", {}).get(KEY)
        if spans is not None:
            return spans.cond
    raise ValueError(
        "the conditioning holds no instances: connect the one that comes from Multi-Prompt Encode."
    )


def reference_extents(conditioning: list[list[Any]]) -> list[Extent]:
    """(rows, columns) of tokens of every reference latent in a conditioning."""
    for _, extras in conditioning:
        latents: list[Tensor] = extras.get("reference_latents") or []
        if latents:
            patches = [1 if x.shape[1] == UNPATCHED_CHANNELS else 2 for x in latents]
            return [
                (x.shape[-2] / patch, x.shape[-1] / patch)
                for x, patch in zip(latents, patches, strict=True)
            ]
    return []


def expected_layout(
    regions: tuple[InstanceRegion, ...],
    image: Tensor | None,
    conditioning: list[list[Any]] | None,
) -> tuple[TokenLayout, list[Extent]]:
    """The layout of an edit, and the extents of its pictures in tokens.

    Args:
        image: (B, H, W, C), the picture that is edited; None: as large as the first reference.
        conditioning: from Multi-Prompt Encode and Reference Latent; None: every prompt counts as
            12 tokens, and the references as large as the picture.
    """
    lengths = (ASSUMED_TOKENS,) * (1 + len(regions))
    references: list[Extent] = []
    if conditioning is not None:
        spans = conditioning_spans(conditioning)
        if len(spans.instructions) != len(regions):
            raise ValueError(
                f"the conditioning was encoded for {len(spans.instructions)} instance(s), but "
                f"{len(regions)} region(s) came in. Connect the same regions to both."
            )
        lengths, references = spans.lengths, reference_extents(conditioning)
    latent: Extent = references[0] if references else ASSUMED_GRID
    if image is not None:
        latent = (image.shape[1] / PIXELS_PER_TOKEN, image.shape[2] / PIXELS_PER_TOKEN)
    if conditioning is None:
        owned = [region.reference + 1 for region in regions if region.reference is not None]
        references = [latent] * max(1, *owned, 0)
    extents = [latent, *references]
    grids: list[Grid] = [(_up(rows), _up(columns)) for rows, columns in extents]
    return TokenLayout(lengths, grids[0], tuple(grids[1:])), extents


def _up(cells: float) -> int:
    return max(1, -int(-cells // 1))
