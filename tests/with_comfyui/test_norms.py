"""How long a model's queries and keys can be is known from its learned scales alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.host.attention_call import OVERRIDE
from instance_edit.host.families import find_family
from instance_edit.host.norms import longest_products
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, apply_rope
from instance_edit.tests.with_comfyui.core import random_conditioning, random_latent, sample
from instance_edit.tests.with_comfyui.tiny_families import FAMILIES
from instance_edit.tools.model_shapes import HEAD_WIDTH

CPU = torch.device("cpu")
ROUNDING = 1.02
"""What the proof allows for the model's dtype."""
NORMS = ("query_norm", "key_norm", "norm_q", "norm_k", "norm_added")
NORMED = [
    name
    for name in FAMILIES
    if name.startswith(("flux", "longcat", "ovis", "chroma", "qwen", "mageflow"))
]
"""Families that say how their blocks normalise."""


def products(model: ModelPatcher) -> Tensor:
    network = model.model.diffusion_model
    family = find_family(network)
    assert family is not None
    return longest_products(family, network, CPU)


def seen_products(model: ModelPatcher) -> list[float]:
    """Per block the longest query's length times the longest key's, in one model call."""
    seen: list[float] = []

    def override(func: Any, q: Tensor, k: Tensor, *args: Any, **rest: Any) -> Tensor:
        lengths = [x.double().norm(dim=-1).amax() for x in (q, k)]
        seen.append(float(lengths[0] * lengths[1]))
        return func(q, k, *args, **rest)

    watched = model.clone()
    watched.model_options["transformer_options"][OVERRIDE] = override
    text = random_conditioning(model)
    sample(watched, text, text, random_latent(model), steps=1)
    return seen


def learn_scales(model: ModelPatcher) -> None:
    """Scales of both signs, a few of them large, as training may leave them."""
    generator = torch.Generator().manual_seed(0)
    for name, weight in model.model.diffusion_model.named_parameters():
        if any(norm in name for norm in NORMS):
            weight.copy_(torch.randn(weight.shape, generator=generator).exp())
            weight[::3] *= -1


@pytest.mark.parametrize("family", NORMED)
def test_no_query_and_no_key_is_longer_than_the_scales_allow(family: str) -> None:
    model = FAMILIES[family][1]()
    learn_scales(model)
    allowed = products(model)
    seen = torch.tensor(seen_products(model))
    assert len(seen) == len(allowed)
    assert bool((seen <= allowed).all() and (seen > 0.01 * allowed).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_cores_norms_and_positions_in_any_dtype_stay_within_the_proofs_allowance(
    dtype: torch.dtype, flux1: ModelPatcher
) -> None:
    network = flux1.model.diffusion_model
    norm = network.single_blocks[0].norm.to(dtype)
    generator = torch.Generator().manual_seed(0)
    ids = torch.rand(1, 4096, 3, generator=generator) * 100
    x = torch.randn(1, 1, 4096, HEAD_WIDTH, generator=generator) * 30
    x[..., 0] += 1000  # a direction that most have in common
    q, k = norm(x.to(dtype), x.to(dtype), x.to(dtype))
    q, k = apply_rope(q, k, network.pe_embedder(ids))
    lengths = torch.stack([q, k]).double().norm(dim=-1)
    assert float(lengths.amax() / HEAD_WIDTH**0.5) < ROUNDING**0.5


def test_scales_of_one_give_the_width_of_a_head(flux1: ModelPatcher) -> None:
    torch.testing.assert_close(products(flux1), torch.full((3,), float(HEAD_WIDTH)))


def test_the_largest_scale_of_either_stream_counts(flux1: ModelPatcher) -> None:
    block = flux1.model.diffusion_model.double_blocks[0]
    block.img_attn.norm.query_norm.weight[5] = -3.0
    block.txt_attn.norm.key_norm.weight[7] = 4.0
    wanted = HEAD_WIDTH * torch.tensor([12.0, 1.0, 1.0])
    torch.testing.assert_close(products(flux1), wanted)


def foreign_norm(network: Any) -> None:
    network.single_blocks[0].norm.query_norm = torch.nn.RMSNorm(HEAD_WIDTH)


def other_way(network: Any) -> None:
    norm = network.single_blocks[0].norm.key_norm
    norm.forward = lambda x: 5 * x


def patched_weight(network: Any) -> None:
    network.single_blocks[0].norm.key_norm.weight_function = [lambda weight: 5 * weight]


def streamed_weight(network: Any) -> None:
    network.single_blocks[0].norm.key_norm.weight_lowvram_function = lambda weight: 5 * weight


@pytest.mark.parametrize("change", [foreign_norm, other_way, patched_weight, streamed_weight])
def test_a_norm_that_may_do_something_else_gives_no_length(
    flux1: ModelPatcher, change: Any
) -> None:
    change(flux1.model.diffusion_model)
    assert products(flux1).isnan().tolist() == [False, True, False]


def test_positions_that_may_scale_give_no_length(flux1: ModelPatcher) -> None:
    flux1.model.diffusion_model.pe_embedder = torch.nn.Identity()
    assert bool(products(flux1).isnan().all())
