"""Put an AttentionBias together from rows over key groups, one set per kind of query.

Key groups: 0 the global prompt, 1 every instance prompt, 2 + i image token i. Rows are always 0
at group 1: what a query sees of an instance's prompt stands in the columns.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .bias import AttentionBias
from .membership import Membership, distinct
from .tokens import TokenLayout

SHUT = -math.inf


def key_rows(image: Tensor, global_text: float) -> Tensor:
    """(R, I) values over image tokens -> (R, 2 + I) rows over key groups."""
    text = image.new_tensor([global_text, 0.0]).expand(image.shape[0], 2)
    return torch.cat([text, image], dim=1)


def background_row(members: Membership) -> Tensor:
    """(1, 2 + I): global prompt and every image token but owned references."""
    owned = ~members.scene
    return key_rows(torch.zeros(owned.shape, device=owned.device).masked_fill(owned, SHUT)[None], 0)


def open_rows(members: Membership) -> Tensor | None:
    """(N, 2 + I): the background's row with the instance's own references open; None if none."""
    if bool(members.scene.all()):
        return None
    closed = ~members.scene & ~members.inside
    return key_rows(torch.zeros_like(closed, dtype=torch.float32).masked_fill(closed, SHUT), 0)


def inside_rows(members: Membership) -> Tensor:
    """(N, 2 + I): the instance's own image tokens and nothing else (its prompt by columns)."""
    shut = torch.zeros_like(members.inside, dtype=torch.float32)
    return key_rows(shut.masked_fill(~members.inside, SHUT), SHUT)


def prompt_columns(
    layout: TokenLayout,
    members: Membership,
    strengths: Sequence[float] | None = None,
    latents: Tensor | None = None,
) -> Tensor:
    """How the queries [T_g, T_1 .. T_N, image tokens] see every instance's prompt.

    Args:
        strengths: per instance >= 0; log(strength) is added for its scene tokens, 0 shuts it off.
        latents: (N, latent tokens) values for all latent queries; default 0 inside, else shut.

    Returns:
        (N, 1 + N + I) float32.
    """
    inside = members.inside
    image = torch.zeros_like(inside, dtype=torch.float32).masked_fill(~inside, SHUT)
    if latents is not None:
        image[:, : layout.latent_tokens] = latents
    gain = _log_strengths(strengths, layout.instances).to(image.device)[:, None]
    image = torch.where(inside & members.scene, image + gain, image)
    image = image.masked_fill((gain == SHUT) | ~members.active[:, None], SHUT)
    text = torch.full((layout.instances, layout.instances + 1), SHUT, device=image.device)
    text[:, 1:].fill_diagonal_(0.0)
    return torch.cat([text, image], dim=1)


def assemble_bias(
    layout: TokenLayout,
    members: Membership,
    columns: Tensor,
    *,
    text: Tensor,
    latent: Tensor | None,
    context: Tensor | None,
) -> AttentionBias:
    """The bias in which each kind of query has its row; one object given twice is stored once.

    Args:
        columns: see ``prompt_columns``.
        text: (N, 2 + I) rows of the instance prompts. The global prompt has the background's.
        latent, context: (N, 2 + I) rows of latent tokens and of scene references by instance, or
            None where they see what the background sees. In an overlap the largest value counts.
    """
    classes, overlaps = members.classes()
    tables = [background_row(members)]

    def place(rows: Tensor) -> int:
        tables.append(rows)
        return sum(table.shape[0] for table in tables) - rows.shape[0]

    def classes_of(rows: Tensor | None) -> tuple[Tensor, int]:
        """Row of every image token if it were of this kind, and where instance 1's row is."""
        if rows is None:
            return torch.zeros_like(classes), 0
        start = place(torch.cat([rows, *(rows[list(s)].amax(0)[None] for s in overlaps)]))
        return torch.where(classes > 0, classes - 1 + start, 0), start

    latent_class, latent_start = classes_of(latent)
    context_class = latent_class if context is latent else classes_of(context)[0]
    text_start = latent_start if text is latent else place(text)
    image_class = torch.cat(
        [latent_class[: layout.latent_tokens], context_class[layout.latent_tokens :]]
    )
    if not bool(members.scene.all()):
        own_start = place(inside_rows(members))
        image_class = torch.where(members.scene, image_class, members.owner + own_start)
    prompts = prompt_index(layout, columns.device)
    folded, image_group = _fold_references(layout, columns, classes, members.owner)
    images = torch.arange(layout.image_tokens, device=columns.device)
    return AttentionBias(
        rows=torch.cat(tables),
        columns=F.pad(folded, (0, 0, 1, 0)),
        query_class=torch.cat([(prompts - 1 + text_start) * (prompts > 0), image_class]),
        key_group=torch.cat([prompts.clamp(max=1), images + 2]),
        key_class=F.pad(prompts, (0, layout.image_tokens)),
        query_group=torch.cat([prompts, image_group]),
    )


def prompt_index(layout: TokenLayout, device: torch.device) -> Tensor:
    """(text tokens,) int64: 0 for the global prompt's tokens, n for those of instance n."""
    numbers = torch.arange(layout.instances + 1, device=device)
    return numbers.repeat_interleave(torch.tensor(layout.text_lengths, device=device))


def _fold_references(
    layout: TokenLayout, columns: Tensor, classes: Tensor, owner: Tensor
) -> tuple[Tensor, Tensor]:
    """Reference tokens of one class and owner read prompts alike: keep one column for each."""
    first = layout.instances + 1
    groups = torch.arange(layout.image_tokens, device=columns.device) + first
    start = first + layout.latent_tokens
    if start == columns.shape[1]:
        return columns, groups
    kind = classes * (layout.instances + 1) + owner + 1
    _, kind_of = distinct(kind[layout.latent_tokens :], 0)
    groups[layout.latent_tokens :] = kind_of + start
    kept = columns.new_zeros(columns.shape[0], int(kind_of.max()) + 1)
    kept[:, kind_of] = columns[:, start:]
    return torch.cat([columns[:, :start], kept], dim=1), groups


def _log_strengths(strengths: Sequence[float] | None, instances: int) -> Tensor:
    """(N,) float32 of log(strength), -inf for 0."""
    if strengths is None:
        return torch.zeros(instances)
    values = torch.tensor(list(strengths), dtype=torch.float64)
    if values.shape != (instances,) or not bool((values >= 0).all() & values.isfinite().all()):
        raise ValueError(
            f"strengths must be {instances} finite numbers >= 0 (1 is neutral, 0 hides the "
            f"instruction), got {list(strengths)}."
        )
    return values.log().float()
