"""IID: instances found by the attention to their instructions (arXiv 2504.04784)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..mask_ops.found_masks import FoundMasks, smooth_maps, threshold_maps
from ..mask_ops.otsu import otsu_threshold
from .assemble import SHUT, assemble_bias, inside_rows, key_rows, prompt_columns
from .bias import AttentionBias
from .membership import Membership, assign_tokens
from .tokens import TokenLayout


def default_steps(total: int) -> int:
    """S, how many steps phase A takes: about 30 % (28 -> 8, 4 -> 1), at least one."""
    return max(1, round(0.3 * total))


def iid_maps(attention: Tensor) -> Tensor:
    """How much more each branch attends to its instruction than the other branches to theirs.

    Args:
        attention: (N, H, h, w) of each branch's latents to its own instruction, post-softmax, the
            mean over the instruction's tokens.

    Returns:
        (N, h, w) float32: ``max(0, A_i - mean over k != i of A_k)`` per head, then the mean over
        heads. One branch alone keeps its attention.
    """
    branches = attention.shape[0]
    own = attention.float()
    if branches > 1:
        others = (own.sum(0, keepdim=True) - own) / (branches - 1)
        own = (own - others).clamp(min=0)
    return own.mean(1)


def iid_masks(attention: Tensor, *, size: int = 3, sigma: float = 1.0) -> FoundMasks:
    """Masks from the attention at step S: maps, Gaussian, Otsu's threshold.

    Args:
        attention: see ``iid_maps``.
        size, sigma: of the Gaussian, in tokens.
    """
    maps = smooth_maps(iid_maps(attention), size, sigma)
    thresholds = torch.stack([otsu_threshold(one.flatten()) for one in maps])
    return threshold_maps(maps, thresholds)


def compose_branches(latents: Tensor, masks: Tensor) -> Tensor:
    """One latent of N branches: each in its mask, the mean where masks overlap or none is.

    Args:
        latents: (B, N, C, H, W).
        masks: (N, H, W) bool, on the latent.

    Returns:
        (B, C, H, W).
    """
    claimed = masks.any(0)
    share = torch.where(claimed, masks, torch.ones_like(masks)).to(latents.dtype)
    share = share / share.sum(0)
    return (latents * share[None, :, None]).sum(1)


def iid_bias(
    layout: TokenLayout,
    masks: Tensor,
    *,
    reference_masks: Sequence[Tensor] | None = None,
    reference_owners: Sequence[int | None] | None = None,
    strengths: Sequence[float] | None = None,
    active: Sequence[bool] | None = None,
) -> AttentionBias:
    """IID's attention of phase B as a bias: 0 where a query may look, -inf elsewhere.

    Prompts see themselves and, of the latents, their instance's; latents see all latents and, of
    the prompts, their instances'; everything to and from references is open. The global prompt,
    which the paper has not, is the background's own: latents of no instance and references read
    it, and it sees the whole picture.

    Args:
        layout: the joint sequence.
        masks: (N, h, w) bool on the latent grid.
        reference_masks: not used, references being open; accepted as by the other methods.
        reference_owners, active: see ``assign_tokens``.
        strengths: per instance >= 0, multiplies the attention of L_n to T_n; default 1.

    Raises:
        ValueError: masks that do not fit the layout, or a parameter out of range.
    """
    members = assign_tokens(layout, masks, reference_masks, reference_owners, active)
    latent_keys = torch.arange(layout.image_tokens, device=masks.device) < layout.latent_tokens
    context = members.scene & ~latent_keys
    text = inside_rows(members)
    text[:, 2:] = text[:, 2:].masked_fill(context, 0.0)
    image = torch.zeros_like(members.inside, dtype=torch.float32)
    latent = key_rows(image.masked_fill(~members.scene & ~members.inside, SHUT), SHUT)
    open_context = latent.clone()
    open_context[:, 0] = 0.0
    columns = prompt_columns(layout, members, strengths)
    columns[:, 1 + layout.instances :] = _open_context(columns, layout, members, context, strengths)
    return assemble_bias(layout, members, columns, text=text, latent=latent, context=open_context)


def _open_context(
    columns: Tensor,
    layout: TokenLayout,
    members: Membership,
    context: Tensor,
    strengths: Sequence[float] | None,
) -> Tensor:
    """How image tokens see the prompts, every reference of the scene open to every live one."""
    live = members.active.clone()
    if strengths is not None:
        live &= torch.tensor(list(strengths), device=live.device) > 0
    return columns[:, 1 + layout.instances :].masked_fill(live[:, None] & context, 0.0)
