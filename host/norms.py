"""How long queries and keys can be: models normalise them and multiply by learned scales."""

from typing import Any

import torch
from torch import Tensor

from .families import Family, Norms

CORE = "comfy."


def longest_products(family: Family, network: Any, device: torch.device) -> Tensor:
    """Per block the longest query's length times the longest key's, whatever the input.

    A normalised vector of D numbers is sqrt(D) long at most, times the largest scale; rotary
    positions turn it and keep its length.

    Returns:
        (blocks,) float32 on the device; NaN where another pack's or unseen code may act.
    """
    each = family.norms(network)
    turning = type(getattr(network, "pe_embedder", None)).__module__
    if not each or not turning.startswith(CORE):  # some scale while they turn
        return torch.full((len(family.blocks(network)),), torch.nan, device=device)
    products = [block_product(norms) for norms in each]
    return torch.stack([one.to(device) for one in products])


def block_product(norms: Norms) -> Tensor:
    """The product of a block, () float32."""
    queries, keys = (torch.stack([longest(one) for one in several]).amax() for several in norms)
    return queries * keys


def longest(norm: Any) -> Tensor:
    """The largest length that a norm gives, () float32; NaN if that cannot be seen from here."""
    weight = getattr(norm, "weight", None)
    changed = getattr(norm, "weight_function", None) or getattr(
        norm, "weight_lowvram_function", None
    )
    core = isinstance(norm, torch.nn.RMSNorm) and type(norm).__module__.startswith(CORE)
    if weight is None or changed or not core or "forward" in vars(norm):
        return torch.tensor(torch.nan)
    return weight.detach().abs().amax().float() * weight.numel() ** 0.5
