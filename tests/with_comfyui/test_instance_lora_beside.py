"""LoRAs of single instances beside everything else that a workflow may hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.host import instance_lora, lora_files
from instance_edit.host.call import KEY
from instance_edit.host.carrier import attach_spans
from instance_edit.host.lora_files import file_hash
from instance_edit.mask_ops.instance_lora import RegionLora
from instance_edit.mask_ops.regions import with_lora
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, model_management
from instance_edit.tests.with_comfyui.core import random_latent, reference, run_core, sample
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.gguf_pack import load_packed
from instance_edit.tests.with_comfyui.lora_making import (
    linear_layers,
    loras_folder,
    random_lora,
    save_lora,
)
from instance_edit.tests.with_comfyui.skipping import CLOSE, Skipped
from instance_edit.tests.with_comfyui.test_foi import guide
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for
from instance_edit.tests.with_comfyui.test_loaders import FILES, MODELS, load
from instance_edit.tools.model_shapes import DEEP

DIS = idattn()


@pytest.fixture
def editor(pack_nodes):
    return Editor(pack_nodes)


def everywhere(model: ModelPatcher, seed: int = 0) -> RegionLora:
    """A LoRA for every linear layer of the model."""
    return RegionLora(save_lora(f"beside_{seed}", random_lora(model, linear_layers(model), seed)))


def edit(editor: Editor, model: ModelPatcher, regions: Any, **bias: Any) -> Tensor:
    patched = editor.apply(model, editor.bias(regions, DIS, **bias))
    words = reference(spans_for(model, regions), random_latent(model, seed=5))
    return sample(patched, words, words, random_latent(model))


def check_second_alone_changes(editor: Editor, model: ModelPatcher, lora: RegionLora) -> None:
    """A LoRA of instance 2 changes its result, and leaves instance 1 bit for bit as it was."""
    regions = editor.regions()
    before, after = (edit(editor, model, one) for one in (regions, with_lora(regions, 1, lora)))
    assert bool(after.isfinite().all())
    assert torch.equal(before[..., :4, :4], after[..., :4, :4])
    assert float((before[..., 4:, 4:] - after[..., 4:, 4:]).abs().max()) > 1e-3


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("file", FILES)
def test_it_acts_on_layers_of_every_weight_format(editor, family, file) -> None:
    write, weight_dtype = FILES[file]
    lora = everywhere(load(MODELS[family](DEEP), "default"))
    check_second_alone_changes(editor, load(write(MODELS[family](DEEP)), weight_dtype), lora)


@pytest.mark.parametrize("family", MODELS)
def test_it_acts_on_packed_layers_as_the_gguf_packs_are(editor, family) -> None:
    lora = everywhere(load(MODELS[family](DEEP), "default"))
    check_second_alone_changes(editor, load_packed(MODELS[family](DEEP)), lora)


@pytest.mark.parametrize("first", [True, False])
def test_a_compiled_model_gives_what_it_gives_uncompiled(editor, flux1, first) -> None:
    def compiled(model: ModelPatcher) -> ModelPatcher:
        return run_core("TorchCompileModel", model=model, backend="eager")[0]

    regions = with_lora(editor.regions(), 0, everywhere(flux1))
    bias = editor.bias(regions, DIS)
    words, latent = spans_for(flux1, regions), random_latent(flux1)
    plain = sample(editor.apply(flux1, bias), words, words, latent)
    model = editor.apply(compiled(flux1), bias) if first else compiled(editor.apply(flux1, bias))
    assert torch.equal(sample(model, words, words, latent), plain)
    none = editor.regions()
    without = editor.apply(flux1, editor.bias(none, DIS))
    again = compiled(without)
    words = spans_for(flux1, none)
    assert torch.equal(sample(again, words, words, latent), sample(without, words, words, latent))


@pytest.mark.parametrize("context", ["whole", "near regions"])
@pytest.mark.parametrize("family", ["flux1", "flux2"])
def test_without_the_background_the_gates_follow_the_tokens_that_stay(
    pack_nodes, request, family, context
) -> None:
    model = request.getfixturevalue(family)
    setting = Skipped(pack_nodes, model)
    for number in range(2):
        setting.regions = with_lora(setting.regions, number, everywhere(model, number))
    setting.applied = setting.apply(model)
    setting.words = reference(spans_for(model, setting.regions), setting.source)
    whole = setting.run(setting.applied)
    cut = setting.run(setting.skip(context=context))
    assert setting.apart(whole, cut) < (CLOSE if context == "whole" else 0.5)


def test_the_picture_that_an_instance_owns_has_its_lora_whole(editor, flux1, monkeypatch) -> None:
    places: list[int] = []
    change = instance_lora.change_rows

    def noted(layer, adapter, rows, x, y):
        places.append(len(rows.places))
        change(layer, adapter, rows, x, y)

    monkeypatch.setattr(instance_lora, "change_rows", noted)
    first, second = editor.regions()
    lora = replace(everywhere(flux1), text=0.0)
    for regions, tokens in (
        (with_lora((first, second), 0, lora), 4 + 4),
        (with_lora((replace(first, reference=0), second), 0, lora), 4 + 16),
    ):
        places.clear()
        edit(editor, flux1, regions)
        assert set(places) == {tokens}


def test_outside_its_steps_window_an_instance_has_no_lora(editor, flux1) -> None:
    first, second = editor.regions()
    late = (replace(first, start=0.9), second)
    assert torch.equal(
        edit(editor, flux1, with_lora(late, 0, everywhere(flux1))), edit(editor, flux1, late)
    )


def test_the_files_size_counts_in_the_memory_that_core_is_told(editor, flux1, monkeypatch) -> None:
    asked: list[float] = []
    load_models = model_management.load_models_gpu

    def noted(models, memory_required=0, **kwargs):
        asked.append(memory_required)
        return load_models(models, memory_required=memory_required, **kwargs)

    monkeypatch.setattr(model_management, "load_models_gpu", noted)
    tensors = random_lora(flux1, linear_layers(flux1), rank=1024)
    own = RegionLora(save_lora("sized", tensors))
    edit(editor, flux1, editor.regions())
    edit(editor, flux1, with_lora(editor.regions(), 0, own))
    weights = sum(value.nbytes for value in tensors.values())
    assert asked[-1] - asked[0] >= weights


def test_a_file_is_read_once_in_a_run_and_gone_after_it(editor, flux1, monkeypatch) -> None:
    read: list[str] = []
    read_lora = lora_files.read_lora
    monkeypatch.setattr(
        lora_files, "read_lora", lambda one: read.append(one.file) or read_lora(one)
    )
    own = everywhere(flux1)
    regions = with_lora(with_lora(editor.regions(), 0, own), 1, own)
    edit(editor, flux1, regions)
    assert read == [own.file]
    edit(editor, flux1, regions)
    assert read == [own.file] * 2


def test_foi_refuses_loras_of_instances(pack_nodes, editor, flux1) -> None:
    regions = editor.regions(("make the [cat] red", "make the [dog] blue"))
    own = with_lora(regions, 0, everywhere(flux1))
    with pytest.raises(ValueError, match="instance 1 has the LoRA .* not with FoI Guider"):
        guide(pack_nodes, flux1, own, spans_for(flux1, own))


def carrying(model: ModelPatcher, regions: Any) -> Any:
    """A conditioning that carries its regions, as Multi-Prompt Encode's does."""
    [[text, extras]] = spans_for(model, regions)
    [spans] = extras["model_conds"][KEY].items
    return attach_spans([[text, extras]], replace(spans, regions=tuple(regions)))


def test_a_bias_and_a_conditioning_with_other_loras_are_refused(editor, flux1) -> None:
    regions = editor.regions()
    own = with_lora(regions, 1, everywhere(flux1))
    patched = editor.apply(flux1, editor.bias(regions, DIS))
    words = carrying(flux1, own)
    with pytest.raises(ValueError, match="instance 2 has another LoRA"):
        sample(patched, words, words, random_latent(flux1))


REFUSED = {
    "not there": ({}, "got 'gone.safetensors', which is not there"),
    "no file of tensors": ({"text": b"hello"}, "cannot be read"),
    "of another model": ({"keys": "lora_unet_mid_block_attn"}, "fits no layer of Flux"),
    "of modulation alone": ({"layers": "mod.lin"}, "acts on single tokens"),
    "of a text encoder": ({"keys": "lora_te1_text_model_q_proj"}, "fits no layer of Flux"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_file_that_cannot_act_is_refused_by_name(editor, flux1, fault) -> None:
    how, message = REFUSED[fault]
    name = "gone.safetensors"
    if "text" in how:
        name = save_lora("broken", {})
        (loras_folder() / name).write_bytes(how["text"])
    if "keys" in how:
        sides = {"lora_up": (8, 4), "lora_down": (4, 8)}
        tensors = {f"{how['keys']}.{side}.weight": torch.ones(s) for side, s in sides.items()}
        name = save_lora("foreign", tensors)
    if "layers" in how:
        layers = [one for one in linear_layers(flux1) if how["layers"] in one]
        name = save_lora("modulation", random_lora(flux1, layers))
    with pytest.raises(ValueError, match=message) as refused:
        edit(editor, flux1, with_lora(editor.regions(), 0, RegionLora(name)))
    assert name in str(refused.value)


def test_another_file_of_the_same_name_is_refused(editor, flux1, pack_nodes) -> None:
    lora = everywhere(flux1, 7)
    chosen = replace(lora, sha256=file_hash(lora.file))
    regions = with_lora(editor.regions(), 0, chosen)
    edit(editor, flux1, regions)
    everywhere(flux1, 8)
    save_lora("beside_7", random_lora(flux1, linear_layers(flux1), 8))
    with pytest.raises(ValueError, match="is another file than when its region was made"):
        edit(editor, flux1, regions)


def test_the_log_names_what_is_left_out(editor, flux1, caplog) -> None:
    tensors = random_lora(flux1, linear_layers(flux1))
    tensors["lora_te1_text_model_encoder_q.lora_up.weight"] = torch.ones(8, 4)
    tensors["diffusion_model.double_blocks.0.img_attn.norm.query_norm.diff"] = torch.ones(128)
    regions = with_lora(editor.regions(), 0, RegionLora(save_lora("mixed", tensors)))
    with caplog.at_level("INFO", logger="instance_edit"):
        edit(editor, flux1, regions)
    [said] = {line for line in caplog.messages if line.startswith("instance LoRA")}
    assert "layers that act on no token (double_blocks.0.img_mod.lin" in said
    assert "1 keys of the text encoder (lora_te1_text_model_encoder_q" in said


def test_layers_whose_weights_come_at_each_use_get_the_same(editor, flux1) -> None:
    """As core sets them where memory is low."""
    regions = with_lora(editor.regions(), 0, everywhere(flux1))
    wanted = edit(editor, flux1, regions)
    layers = [one for one in flux1.model.modules() if hasattr(one, "comfy_cast_weights")]
    assert layers
    for layer in layers:
        layer.comfy_cast_weights = True
    assert torch.equal(edit(editor, flux1, regions), wanted)
