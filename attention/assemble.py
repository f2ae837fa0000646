"""Put an AttentionBias together: who has which row over key groups, and how prompts are read.

Key groups: 0 the global prompt, 1 every instance prompt, 2 + i image token i. Rows are always 0
at group 1: what a query sees of an instance's prompt stands in the columns.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .bias import AttentionBias
from .membership import Membership, distinct
from .tokens import TokenLayout

SHUT = -math.inf


@dataclass(frozen=True)
class RowTable:
    """Rows of every instance by name, and the names of those that its tokens have.

    Attributes:
        rows: (N, 2 + I) by name, or None for rows that are all the background's. Of tokens that lie
            in several instances, the largest value of theirs counts, or the last instance's (see
            ``Membership.last_view``).
        text: name of the rows of the instances' prompts. The global prompt has the background's.
        latent, context: names of the rows of latent tokens and of the scene's references.
    """

    rows: Mapping[str, Tensor | None]
    text: str
    latent: str
    context: str


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


def see_global(rows: Tensor) -> Tensor:
    """(R, 2 + I) rows with the global prompt open."""
    return torch.cat([torch.zeros_like(rows[:, :1]), rows[:, 1:]], dim=1)


def inside_rows(members: Membership) -> Tensor:
    """(N, 2 + I): the instance's own image tokens and nothing else (its prompt by columns)."""
    shut = torch.zeros_like(members.inside, dtype=torch.float32)
    return key_rows(shut.masked_fill(~members.inside, SHUT), SHUT)


def owned_rows(members: Membership) -> Tensor:
    """(N, 2 + I): of tokens of the references that an instance owns: its image tokens, and each
    other even while the instance is inactive, since no query may see nothing."""
    own = torch.arange(len(members.active), device=members.owner.device)[:, None] == members.owner
    rows = inside_rows(members)
    rows[:, 2:] = rows[:, 2:].masked_fill(own, 0.0)
    return rows


def prompt_columns(
    layout: TokenLayout,
    members: Membership,
    strengths: Sequence[float] | None = None,
    latents: Tensor | None = None,
    read_all: Tensor | None = None,
) -> Tensor:
    """How the queries [T_g, T_1 .. T_N, image tokens] see every instance's prompt.

    Args:
        strengths: per instance >= 0; log(strength) is added for its scene tokens, 0 shuts its
            prompt to the whole image.
        latents: (N, latent tokens) values for all latent queries; default 0 inside, else shut.
        read_all: (I,) bool, image tokens that read every prompt with value 0, whatever the strength
            above 0; default none.

    Returns:
        (N, 1 + N + I) float32.
    """
    inside = members.inside
    image = torch.zeros_like(inside, dtype=torch.float32).masked_fill(~inside, SHUT)
    if latents is not None:
        image[:, : layout.latent_tokens] = latents
    gain = _log_strengths(strengths, layout.instances).to(image.device)[:, None]
    image = torch.where(inside & members.scene, image + gain, image)
    if read_all is not None:
        image = image.masked_fill(read_all, 0.0)
    image = image.masked_fill((gain == SHUT) | ~members.active[:, None], SHUT)
    others = ~torch.eye(layout.instances, dtype=torch.bool, device=image.device)
    text = image.new_zeros(others.shape).masked_fill(others, SHUT)
    return torch.cat([F.pad(text, (1, 0), value=SHUT), image], dim=1)


def assemble_bias(
    layout: TokenLayout, members: Membership, columns: Tensor, table: RowTable
) -> AttentionBias:
    """The bias in which every token has its row of the table and its column.

    Args:
        columns: see ``prompt_columns``.
    """
    classes, overlaps = members.classes()
    rows, first = _stack_rows(members, overlaps, table)
    latent, context = (_row_of(classes, first[name]) for name in (table.latent, table.context))
    image_row = torch.cat([latent[: layout.latent_tokens], context[layout.latent_tokens :]])
    if not bool(members.scene.all()):
        image_row = torch.where(members.scene, image_row, members.owner + len(rows))
        rows = torch.cat([rows, owned_rows(members)])
    prompts = prompt_index(layout, columns.device)
    folded, image_column = _fold_references(layout, columns, classes, members.owner)
    images = torch.arange(layout.image_tokens, device=columns.device)
    return AttentionBias(
        rows=rows,
        columns=F.pad(folded, (0, 0, 1, 0)),
        query_class=torch.cat([_row_of(prompts, first[table.text]), image_row]),
        key_group=torch.cat([prompts.clamp(max=1), images + 2]),
        key_class=F.pad(prompts, (0, layout.image_tokens)),
        query_group=torch.cat([prompts, image_column]),
    )


def _stack_rows(
    members: Membership, overlaps: Sequence[tuple[int, ...]], table: RowTable
) -> tuple[Tensor, dict[str, int | None]]:
    """The background's row, then those of the table; and by name which is instance 1's.

    Rows that image tokens have are followed by one for every overlap.
    """
    stacked, first = [background_row(members)], dict[str, int | None]()
    for name in dict.fromkeys((table.latent, table.context, table.text)):
        rows = table.rows[name]
        first[name] = None if rows is None else sum(len(part) for part in stacked)
        if rows is not None:
            stacked.append(rows)
        if rows is not None and name in (table.latent, table.context):
            stacked += [_shared_row(rows, several, members.last_view) for several in overlaps]
    return torch.cat(stacked), first


def _shared_row(rows: Tensor, several: tuple[int, ...], last: bool) -> Tensor:
    """(1, 2 + I): what a token of several instances sees, given the rows of each."""
    return rows[several[-1]][None] if last else rows[list(several)].amax(0)[None]


def _row_of(classes: Tensor, first: int | None) -> Tensor:
    """Number of the row of every token, given its class (0 background) and instance 1's row."""
    if first is None:
        return torch.zeros_like(classes)
    return torch.where(classes > 0, classes - 1 + first, 0)


def prompt_index(layout: TokenLayout, device: torch.device) -> Tensor:
    """(text tokens,) int64: 0 for the global prompt's tokens, n for those of instance n."""
    numbers = torch.arange(layout.instances + 1, device=device)
    return numbers.repeat_interleave(torch.tensor(layout.text_lengths, device=device))


def _fold_references(
    layout: TokenLayout, columns: Tensor, classes: Tensor, owner: Tensor
) -> tuple[Tensor, Tensor]:
    """The columns with one for all reference tokens that read prompts alike.

    Those are tokens of one class and one owner. Returns the columns and the (I,) int64 column of
    every image token.
    """
    first = layout.instances + 1
    column_of = torch.arange(layout.image_tokens, device=columns.device) + first
    start = first + layout.latent_tokens
    if start == columns.shape[1]:
        return columns, column_of
    _, number = distinct(torch.stack([classes, owner])[:, layout.latent_tokens :], 1)
    column_of[layout.latent_tokens :] = number + start
    kept = columns.new_zeros(columns.shape[0], int(number.max()) + 1)
    kept[:, number] = columns[:, start:]
    return torch.cat([columns[:, :start], kept], dim=1), column_of


def _log_strengths(strengths: Sequence[float] | None, instances: int) -> Tensor:
    """(N,) float32 of log(strength), -inf for 0."""
    if strengths is None:
        return torch.zeros(instances)
    values = torch.tensor(list(strengths), dtype=torch.float64, device="cpu")
    if values.shape != (instances,) or not bool((values >= 0).all() & values.isfinite().all()):
        raise ValueError(
            f"strengths must be {instances} finite numbers >= 0 (1 is neutral, 0 hides the "
            f"instruction), got {list(strengths)}."
        )
    return values.log().float()
