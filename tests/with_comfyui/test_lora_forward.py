"""Core's adapters in their forward form, row by row, against core's own merged weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from instance_edit.attention.instance_lora import Rows
from instance_edit.host.instance_lora import change_rows
from instance_edit.host.lora_files import load_lora
from instance_edit.mask_ops.instance_lora import RegionLora
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, sd
from instance_edit.tests.with_comfyui.lora_making import save_lora

LAYER = "double_blocks.0.img_attn.proj"
"""(256, 256), with a bias."""
Tensors = dict[str, torch.Tensor]
RANK = 4


def noise(*shape: int, seed: int = 0, loud: float = 0.2) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * loud


def lora(out: int, into: int) -> Tensors:
    return {"lora_up.weight": noise(out, RANK, seed=1), "lora_down.weight": noise(RANK, into)}


def with_alpha(out: int, into: int) -> Tensors:
    return {**lora(out, into), "alpha": torch.tensor(2.0)}


def dora_of_outputs(out: int, into: int) -> Tensors:
    return {**lora(out, into), "dora_scale": 1 + noise(out, 1, seed=3)}


def dora_of_inputs(out: int, into: int) -> Tensors:
    return {**lora(out, into), "dora_scale": 1 + noise(1, into, seed=3)}


def loha(out: int, into: int) -> Tensors:
    sides = {"hada_w1_a": (out, RANK), "hada_w1_b": (RANK, into)}
    sides |= {"hada_w2_a": (out, RANK), "hada_w2_b": (RANK, into)}
    return {key: noise(*shape, seed=n) for n, (key, shape) in enumerate(sides.items())}


def lokr(out: int, into: int) -> Tensors:
    return {"lokr_w1": noise(4, 4, seed=1), "lokr_w2": noise(out // 4, into // 4)}


def lokr_of_ranks(out: int, into: int) -> Tensors:
    sides = {"lokr_w1": (4, 4), "lokr_w2_a": (out // 4, RANK), "lokr_w2_b": (RANK, into // 4)}
    return {key: noise(*shape, seed=n) for n, (key, shape) in enumerate(sides.items())}


def glora(out: int, into: int) -> Tensors:
    sides = {"a1": (into, RANK), "a2": (RANK, into), "b1": (out, RANK), "b2": (RANK, into)}
    return {f"{key}.weight": noise(*shape, seed=n) for n, (key, shape) in enumerate(sides.items())}


def oft(out: int, into: int) -> Tensors:
    return {"oft_blocks": noise(out // 8, 8, 8)}


def boft(out: int, into: int) -> Tensors:
    return {"oft_blocks": noise(2, out // 8, 8, 8), "alpha": torch.tensor(0.0)}


FORMS: list[Callable[[int, int], Tensors]] = [
    *(lora, with_alpha, dora_of_outputs, dora_of_inputs),
    *(loha, lokr, lokr_of_ranks, glora, oft, boft),
]


@pytest.mark.parametrize("strength", [1.0, 0.6, -0.5])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_gives_what_cores_merged_weights_give(flux1, form, strength) -> None:
    layer = flux1.model.diffusion_model.get_submodule(LAYER)
    out, into = layer.weight.shape
    tensors = {f"diffusion_model.{LAYER}.{key}": value for key, value in form(out, into).items()}
    file = save_lora(form.__name__, tensors)
    [adapter] = load_lora(RegionLora(file), flux1.model).layers[LAYER]
    x = noise(2, 5, into, seed=9, loud=1.0)
    before = layer(x)
    got = with_adapter(layer, adapter, strength, x)
    torch.testing.assert_close(got, merged(flux1, tensors, strength, x), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(got, before, atol=1e-2)


def with_adapter(layer: Any, adapters: Any, strength: float, x: torch.Tensor) -> torch.Tensor:
    """What the layer gives with adapters on all of its rows."""
    rows, y = Rows(torch.arange(x.shape[1]), strength), layer(x)
    for adapter in adapters if isinstance(adapters, tuple) else (adapters,):
        change_rows(layer, adapter.on(x.device, x.dtype), rows, x, y)
    return y


def merged(model: ModelPatcher, tensors: Tensors, strength: float, x: torch.Tensor) -> torch.Tensor:
    """What the layer gives with the LoRA in its weights."""
    patched, _ = sd.load_lora_for_models(model, None, tensors, strength, 0.0)
    patched.patch_model()
    try:
        layer: Any = patched.model.diffusion_model.get_submodule(LAYER)
        return layer(x)
    finally:
        patched.unpatch_model()


def test_a_file_for_q_k_and_v_changes_each_third_of_their_joint_layer(flux1) -> None:
    """The layout of diffusers."""
    name = "double_blocks.0.img_attn.qkv"
    layer = flux1.model.diffusion_model.get_submodule(name)
    into = layer.weight.shape[1]
    tensors = {
        f"transformer.transformer_blocks.0.attn.{part}.{side}.weight": noise(*shape, seed=seed)
        for seed, part in enumerate(("to_q", "to_v"))
        for side, shape in (("lora_B", (into, RANK)), ("lora_A", (RANK, into)))
    }
    adapters = load_lora(RegionLora(save_lora("parts", tensors)), flux1.model).layers[name]
    x = noise(1, 5, into, seed=9, loud=1.0)
    before = layer(x)
    y = with_adapter(layer, adapters, 1.0, x)
    patched, _ = sd.load_lora_for_models(flux1, None, tensors, 1.0, 0.0)
    patched.patch_model()
    wanted = layer(x)
    patched.unpatch_model()
    torch.testing.assert_close(y, wanted, rtol=1e-4, atol=1e-4)
    assert torch.equal(y[..., into : 2 * into], before[..., into : 2 * into])
