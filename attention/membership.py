"""Which instance every image token belongs to, on the latent grid and on every reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from ..mask_ops.token_grid import resize_token_masks
from .tokens import TokenLayout


@dataclass(frozen=True)
class Membership:
    """Image tokens of a layout and the instances they belong to (I = all image tokens).

    Attributes:
        grids: per image (latent first, then references) the (N, h, w) bool masks.
        inside: (N, I) bool. All tokens of an owned reference belong to its owner.
        owner: (I,) int64, 0-based owner of a token of an owned reference, else -1.
        active: (N,) bool; an inactive instance has no tokens, and nobody but themselves sees its
            prompt and its own references.
        last_view: a token of several instances sees the picture as the last of them alone does.
    """

    grids: tuple[Tensor, ...]
    inside: Tensor
    owner: Tensor
    active: Tensor
    last_view: bool = False

    @property
    def scene(self) -> Tensor:
        """(I,) bool, tokens that no single instance owns."""
        return self.owner < 0

    def classes(self) -> tuple[Tensor, list[tuple[int, ...]]]:
        """Class of every image token by the set of instances it lies in.

        Returns:
            (I,) int64: 0 for none, n for instance n alone (1-based), N + 1 + i for the i-th
            overlap; and the overlaps as tuples of 0-based instance numbers.
        """
        inside = self.inside
        count = inside.sum(0)
        number = torch.arange(1, inside.shape[0] + 1, device=inside.device)
        classes = (inside * number[:, None]).sum(0) * (count == 1)
        shared = (count > 1).nonzero()[:, 0]
        if not len(shared):
            return classes, []
        sets, which = distinct(inside[:, shared], 1)
        classes[shared] = which + inside.shape[0] + 1
        return classes, [numbers(members) for members in sets.unbind(1)]


def distinct(values: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """The distinct slices of a tensor along ``dim``, and which of them each slice is."""
    return cast(tuple[Tensor, Tensor], torch.unique(values, return_inverse=True, dim=dim))


def numbers(flags: Tensor) -> tuple[int, ...]:
    """Where a (N,) bool tensor is True."""
    return tuple(n for n, flag in enumerate(cast(list[bool], flags.tolist())) if flag)


def assign_tokens(
    layout: TokenLayout,
    masks: Tensor,
    reference_masks: Sequence[Tensor] | None = None,
    reference_owners: Sequence[int | None] | None = None,
    active: Sequence[bool] | None = None,
    last_view: bool = False,
) -> Membership:
    """Check masks against a layout and say to whom every image token belongs.

    Args:
        masks: (N, h, w) bool on the latent grid.
        reference_masks: one (N, h, w) bool per reference grid; default: ``masks`` resized.
        reference_owners: per reference None (shows the scene) or the 0-based owning instance.
        active: per instance whether it takes part; default all.
        last_view: see ``Membership``.

    Raises:
        ValueError: a count or shape that does not fit the layout.
    """
    owners = _check_owners(layout, reference_owners)
    live = _check_active(layout, active).to(masks.device)
    if reference_masks is None:
        reference_masks = [resize_token_masks(masks, grid) for grid in layout.reference_grids]
    if len(reference_masks) != len(layout.reference_grids):
        raise ValueError(
            f"reference_masks must hold one entry per reference ({len(layout.reference_grids)}), "
            f"got {len(reference_masks)}."
        )
    checked = _check_masks(masks, layout.instances, layout.latent_grid, "masks")
    grids = [checked & live[:, None, None]]
    owner = [torch.full((layout.latent_tokens,), -1, device=masks.device)]
    for r, (given, grid) in enumerate(zip(reference_masks, layout.reference_grids, strict=True)):
        owned_by = owners[r]
        if owned_by is None:
            member = _check_masks(given, layout.instances, grid, f"reference_masks[{r}]")
        else:
            number = torch.arange(layout.instances, device=masks.device)
            member = (number == owned_by)[:, None, None].expand(-1, *grid)
        grids.append(member & live[:, None, None])
        owner.append(torch.full((grid[0] * grid[1],), -1 if owned_by is None else owned_by))
    inside = torch.cat([grid.flatten(1) for grid in grids], dim=1)
    owner_of = torch.cat([part.to(masks.device) for part in owner])
    return Membership(tuple(grids), inside, owner_of, live, last_view)


def _check_active(layout: TokenLayout, active: Sequence[bool] | None) -> Tensor:
    flags = [True] * layout.instances if active is None else list(active)
    if len(flags) != layout.instances:
        raise ValueError(f"active must name {layout.instances} instances, got {len(flags)}.")
    return torch.tensor(flags, dtype=torch.bool)


def _check_masks(masks: Tensor, instances: int, grid: tuple[int, int], name: str) -> Tensor:
    if tuple(masks.shape) != (instances, *grid):
        raise ValueError(
            f"{name} must be (N, h, w) = {(instances, *grid)}, one mask per instance prompt on its "
            f"token grid, got {tuple(masks.shape)}. Bring it to that grid with "
            "mask_ops.token_grid.masks_to_grid."
        )
    if masks.dtype != torch.bool:
        raise ValueError(f"{name} must be bool, got {masks.dtype}. Threshold it first.")
    return masks


def _check_owners(
    layout: TokenLayout, owners: Sequence[int | None] | None
) -> tuple[int | None, ...]:
    references = len(layout.reference_grids)
    if owners is None:
        return (None,) * references
    if len(owners) != references:
        raise ValueError(f"reference_owners must name {references} references, got {len(owners)}.")
    for owner in owners:
        if owner is not None and not 0 <= owner < layout.instances:
            raise ValueError(
                f"a reference's owner must be None or an instance 0 .. {layout.instances - 1}, "
                f"got {owner}."
            )
    return tuple(owners)
