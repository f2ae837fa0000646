"""MICE: a smooth disentangled bias (*Editing Everything Everywhere All at Once*, 2026)."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from ..mask_ops.smoothing import smooth_masks
from .assemble import (
    SHUT,
    RowTable,
    assemble_bias,
    inside_rows,
    key_rows,
    open_rows,
    prompt_columns,
)
from .bias import AttentionBias
from .membership import Membership, assign_tokens
from .tokens import TokenLayout

Variant = Literal["paper", "released-code"]
DEFAULTS: dict[str, tuple[int, float, float]] = {
    "paper": (3, 1.0, 1e-30),
    "released-code": (11, 3.0, 1e-6),
}


def mice_bias(
    layout: TokenLayout,
    masks: Tensor,
    *,
    kernel_size: int | None = None,
    temperature: float | None = None,
    epsilon: float | None = None,
    variant: Variant = "paper",
    smooth_P_L: bool = False,
    free_context: bool = False,
    instances_see_global: bool = False,
    reference_masks: Sequence[Tensor] | None = None,
    reference_owners: Sequence[int | None] | None = None,
    strengths: Sequence[float] | None = None,
    active: Sequence[bool] | None = None,
) -> AttentionBias:
    """MICE's bias, the same for all blocks and steps.

    Args:
        layout: the joint sequence.
        masks: (N, h, w) bool on the latent grid.
        kernel_size: odd side of the Gaussian in tokens; default 3 (released code: 11).
        temperature: tau > 0, higher is softer; default 1 (released code: 3; dense scenes: 8).
        epsilon: floor of the smoothed mask, > 0; default 1e-30 (released code: 1e-6).
        variant: ``paper`` (cases 1 to 8) or ``released-code`` (hard between prompts and latents,
            other instances shut, references biased like latents).
        smooth_P_L: released code only: smooth between T_n and L (cases 6 and 7).
        free_context: released code only: references see all image tokens (case 5).
        instances_see_global: L_n also sees the global prompt, for global style changes.
        reference_masks, reference_owners, active: see ``assign_tokens``.
        strengths: per instance >= 0, multiplies the attention of L_n and C_n to T_n; default 1.

    Returns:
        The bias; where a query lies in several instances, the largest of theirs per key.

    Raises:
        ValueError: masks that do not fit the layout, or a parameter out of range.
    """
    if variant not in DEFAULTS:
        raise ValueError(f"variant must be one of {list(DEFAULTS)}, got {variant!r}.")
    kernel, tau, floor = DEFAULTS[variant]
    kernel = kernel if kernel_size is None else kernel_size
    tau = tau if temperature is None else temperature
    floor = floor if epsilon is None else epsilon
    _check_positive(temperature=tau, epsilon=floor)
    members = assign_tokens(layout, masks, reference_masks, reference_owners, active)
    smooth = log_masks(members, kernel, tau, floor)
    if variant == "paper":
        table, seen_from = _paper_rows(layout, members, smooth)
    else:
        table, seen_from = _released_rows(layout, members, smooth, smooth_P_L, free_context)
    if instances_see_global:
        table = _seeing_global(table)
    columns = prompt_columns(layout, members, strengths, seen_from)
    return assemble_bias(layout, members, columns, table)


def log_masks(members: Membership, kernel: int, tau: float, floor: float) -> Tensor:
    """log(s_n + epsilon) / tau of the smoothed masks; 0 or -inf on owned references.

    s_n is 0 on tokens of another instance that are not in m_n. Returns (N, I) float32.
    """
    smooth = torch.cat([smooth_masks(grid, kernel).flatten(1) for grid in members.grids], dim=1)
    smooth = smooth.masked_fill(_others(members), 0.0)
    logs = torch.log(smooth + floor) / tau
    return torch.where(members.scene, logs, torch.where(members.inside, 0.0, SHUT))


def _others(members: Membership) -> Tensor:
    """(N, I) bool: tokens of another instance that are not in m_n."""
    return members.inside.any(0) & ~members.inside


def _paper_rows(
    layout: TokenLayout, members: Membership, smooth: Tensor
) -> tuple[RowTable, Tensor | None]:
    """Rows of T_n, L_n, C_n, and how latents see T_n: cases 4 to 7 of the paper."""
    damped = smooth.masked_fill(members.inside, 0.0)
    rows = {"damped": key_rows(damped, SHUT), "whole scene": open_rows(members)}
    table = RowTable(rows, text="damped", latent="damped", context="whole scene")
    return table, damped[:, : layout.latent_tokens]


def _released_rows(
    layout: TokenLayout, members: Membership, smooth: Tensor, smooth_P_L: bool, free_context: bool
) -> tuple[RowTable, Tensor | None]:
    """The same for the authors' released code: other instances shut, prompts hard."""
    smooth = smooth.masked_fill(_others(members), SHUT)
    damped = key_rows(smooth.masked_fill(members.inside, 0.0), SHUT)
    prompt = inside_rows(members)
    seen_from = None
    if smooth_P_L:
        seen_from = smooth[:, : layout.latent_tokens]
        prompt[:, 2 : 2 + layout.latent_tokens] = seen_from
    context = open_rows(members) if free_context else _with_global(damped)
    rows = {"damped": damped, "context": context, "prompt": prompt}
    return RowTable(rows, text="prompt", latent="damped", context="context"), seen_from


def _seeing_global(table: RowTable) -> RowTable:
    """The table in which latents of an instance also see the global prompt."""
    latent = table.rows[table.latent]
    assert latent is not None
    rows = {**table.rows, "with global": _with_global(latent)}
    return replace(table, rows=rows, latent="with global")


def _with_global(rows: Tensor) -> Tensor:
    """The rows with the global prompt open."""
    return torch.cat([torch.zeros_like(rows[:, :1]), rows[:, 1:]], dim=1)


def _check_positive(**values: float) -> None:
    for name, value in values.items():
        if not (value > 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be finite and > 0, got {value}.")
