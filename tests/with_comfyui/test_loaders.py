"""The README's table *loader x result*: files as people have them, through core's own loader."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from instance_edit.tests.with_comfyui import tiny_models
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, folder_paths
from instance_edit.tests.with_comfyui.core import random_latent, reference, run_core, sample
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.test_instance_attention import change_prompt, spans_for
from instance_edit.tools.model_shapes import DEEP

Weights = dict[str, Tensor]
E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2


def plain(dtype: torch.dtype) -> Callable[[Weights], Weights]:
    """Every weight in one type."""
    return lambda weights: {name: value.to(dtype) for name, value in weights.items()}


def matrices(weights: Weights, scale_name: str, dtype: torch.dtype) -> Weights:
    """The blocks' matrices in eight bits with a scale each, the rest in bfloat16."""
    made: Weights = {}
    for name, value in weights.items():
        if "_blocks." in name and name.endswith(".weight") and value.ndim == 2:
            scale = value.abs().max() / torch.finfo(dtype).max
            made[name] = (value / scale).to(dtype)
            made[name.replace("weight", scale_name)] = scale.float()
        else:
            made[name] = value.to(torch.bfloat16)
    return made


def scaled(weights: Weights) -> Weights:
    """As the `fp8_scaled` files are: a mark, and `scale_weight` beside each matrix."""
    made = matrices(weights, "scale_weight", E4M3)
    return {**made, "scaled_fp8": torch.zeros(2, dtype=E4M3)}


def mixed(weights: Weights) -> Weights:
    """As ComfyUI writes them itself: `comfy_quant` and `weight_scale` beside each matrix."""
    made = matrices(weights, "weight_scale", E4M3)
    format_of = list(json.dumps({"format": "float8_e4m3fn"}).encode())
    marks = [name for name in made if name.endswith("weight_scale")]
    told = {
        name.replace("weight_scale", "comfy_quant"): torch.tensor(format_of, dtype=torch.uint8)
        for name in marks
    }
    return {**made, **told}


FILES = {
    "float32": (plain(torch.float32), "default"),
    "bfloat16": (plain(torch.bfloat16), "default"),
    "float16": (plain(torch.float16), "default"),
    "fp8 e4m3fn": (plain(E4M3), "default"),
    "fp8 e5m2": (plain(E5M2), "default"),
    "loaded as fp8_e4m3fn": (plain(torch.bfloat16), "fp8_e4m3fn"),
    "loaded as fp8_e4m3fn_fast": (plain(torch.bfloat16), "fp8_e4m3fn_fast"),
    "loaded as fp8_e5m2": (plain(torch.bfloat16), "fp8_e5m2"),
    "fp8 scaled": (scaled, "default"),
    "comfy_quant": (mixed, "default"),
}
MODELS = {"FLUX.1": tiny_models.flux1_state_dict, "FLUX.2": tiny_models.flux2_state_dict}


def load(weights: Weights, weight_dtype: str) -> ModelPatcher:
    """The weights as a file, through Load Diffusion Model."""
    (folder, *_), _ = folder_paths.folder_names_and_paths["diffusion_models"]
    Path(folder).mkdir(parents=True, exist_ok=True)
    file = Path(folder) / "tiny.safetensors"
    save_file({name: value.contiguous() for name, value in weights.items()}, file)
    return run_core("UNETLoader", unet_name=file.name, weight_dtype=weight_dtype)[0]


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("file", FILES)
def test_an_instance_stays_bit_independent_whatever_the_file_holds(
    file: str, family: str, pack_nodes: dict[str, type]
) -> None:
    write, weight_dtype = FILES[file]
    model = load(write(MODELS[family](DEEP)), weight_dtype)
    editor = Editor(pack_nodes)
    regions = editor.regions()
    patched = editor.apply(model, editor.bias(regions, idattn()))
    conditioning = reference(spans_for(model, regions), random_latent(model, seed=5))
    other, latent = change_prompt(conditioning, 7, 10), random_latent(model)
    before, after = (sample(patched, words, words, latent) for words in (conditioning, other))
    assert bool(before.isfinite().all()) and float(before.std()) > 0.1
    assert torch.equal(before[..., :4, :4], after[..., :4, :4])
    assert float((before[..., 4:, 4:] - after[..., 4:, 4:]).abs().max()) > 1e-3


class NunchakuFluxTransformer2dModel(nn.Module):
    """Stands for a pack's own class of model: its attention is its own."""


@pytest.mark.parametrize("kind", [NunchakuFluxTransformer2dModel])
def test_a_loader_with_a_class_of_its_own_is_refused_by_that_class(
    kind: type[nn.Module], pack_nodes: dict[str, type], flux1: ModelPatcher
) -> None:
    foreign = flux1.clone()
    foreign.add_object_patch("diffusion_model", kind())
    editor = Editor(pack_nodes)
    with pytest.raises(ValueError, match=f"got .*{kind.__name__}"):
        editor.apply(foreign, editor.bias(editor.regions()))
