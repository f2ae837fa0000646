"""LoRAs of single instances: exact on the instance's tokens, nothing anywhere else."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from instance_edit.host import instance_lora
from instance_edit.mask_ops.instance_lora import RegionLora
from instance_edit.mask_ops.regions import with_lora
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, sd
from instance_edit.tests.with_comfyui.core import random_latent, sample
from instance_edit.tests.with_comfyui.editing import MICE, Editor, idattn
from instance_edit.tests.with_comfyui.lora_making import linear_layers, random_lora, save_lora
from instance_edit.tests.with_comfyui.test_families import pictures
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for
from instance_edit.tests.with_comfyui.tiny_families import FAMILIES

NAMES = list(FAMILIES)
DIS = idattn()


@pytest.fixture
def editor(pack_nodes):
    return Editor(pack_nodes)


@pytest.fixture(params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture
def model(name) -> ModelPatcher:
    return FAMILIES[name][1]()


def acting(editor: Editor, name: str, model: ModelPatcher) -> list[str]:
    """Names of the layers that a LoRA of an instance really changes."""
    seen: set[str] = set()
    changed = instance_lora.Gates.changed

    def noted(gates, layer, *tensors):
        seen.add(layer)
        return changed(gates, layer, *tensors)

    regions = with_lora(editor.regions(), 0, RegionLora(loud_lora(model)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instance_lora.Gates, "changed", noted)
        edited(editor, name, model, regions)
    return sorted(seen)


def loud_lora(model: ModelPatcher, seed: int = 0) -> str:
    """A file that changes every linear layer of the model."""
    return save_lora(f"loud_{seed}", random_lora(model, linear_layers(model), seed))


def edited(
    editor: Editor, name: str, model: ModelPatcher, regions: Any, method: Any = DIS, **options: Any
) -> torch.Tensor:
    """What the regions make of a latent of 4 x 4 tokens, with two references where it takes any."""
    patched = editor.apply(model, editor.bias(regions, method))
    conditioning = pictures(name, model, spans_for(model, regions), (8, 8), (6, 12))
    return sample(patched, conditioning, conditioning, random_latent(model), steps=1, **options)


def test_under_dis_an_instance_does_not_notice_the_lora_of_another(editor, name, model) -> None:
    regions = editor.regions()
    first = edited(editor, name, model, regions)
    other = with_lora(regions, 1, RegionLora(loud_lora(model)))
    second = edited(editor, name, model, other)
    assert torch.equal(first[..., :4, :4], second[..., :4, :4])
    assert not torch.allclose(first[..., 4:, 4:], second[..., 4:, 4:], atol=1e-3)


def test_open_everywhere_it_is_cores_lora(editor, name, model, monkeypatch) -> None:
    """On the layers that act on tokens."""
    regions = editor.regions()
    layers = acting(editor, name, model)
    assert layers
    tensors = random_lora(model, layers)
    with_core, _ = sd.load_lora_for_models(model, None, tensors, 1.0, 0.0)
    wanted = edited(editor, name, with_core, regions, method=MICE)

    def open_everywhere(layout, who, instance, lora, tokens):
        return [instance_lora.Rows(torch.arange(len(tokens)), lora.image)]

    monkeypatch.setattr(instance_lora, "lora_rows", open_everywhere)
    own = with_lora(regions, 0, RegionLora(save_lora("open", tensors)))
    got = edited(editor, name, model, own, method=MICE)
    assert not torch.allclose(wanted, edited(editor, name, model, regions, method=MICE), atol=1e-3)
    torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def parts(model: ModelPatcher) -> dict[str, Any]:
    """Every parameter by its name, and what hooks and replaced forwards the layers have."""
    network = model.model.diffusion_model
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    hooks = {key: len(layer._forward_hooks) for key, layer in network.named_modules()}
    own = {key: "forward" in vars(layer) for key, layer in network.named_modules()}
    return {"weights": weights, "hooks": hooks, "forwards": own}


def test_a_run_leaves_the_model_as_it_was(editor, flux1) -> None:
    before = parts(flux1)
    regions = with_lora(editor.regions(), 0, RegionLora(loud_lora(flux1)))
    edited(editor, "flux1", flux1, regions)
    after = parts(flux1)
    assert before["hooks"] == after["hooks"] and before["forwards"] == after["forwards"]
    assert before["weights"].keys() == after["weights"].keys()
    assert all(
        torch.equal(before["weights"][key], after["weights"][key]) for key in after["weights"]
    )


def test_a_run_that_fails_leaves_no_hook_behind(editor, flux1, monkeypatch) -> None:
    before = parts(flux1)["hooks"]
    regions = with_lora(editor.regions(), 0, RegionLora(loud_lora(flux1)))

    def fail(*_: Any) -> None:
        raise RuntimeError("the device is gone")

    monkeypatch.setattr(instance_lora, "change_rows", fail)
    with pytest.raises(RuntimeError, match="the device is gone"):
        edited(editor, "flux1", flux1, regions)
    assert parts(flux1)["hooks"] == before


def test_at_strength_0_it_is_as_without(editor, flux1) -> None:
    regions = editor.regions()
    none = with_lora(regions, 0, RegionLora(loud_lora(flux1), image=0, text=0))
    assert torch.equal(
        edited(editor, "flux1", flux1, none), edited(editor, "flux1", flux1, regions)
    )


def test_two_loras_are_each_alone_in_their_regions(editor, flux1) -> None:
    regions = editor.regions()
    files = [RegionLora(loud_lora(flux1, seed)) for seed in (1, 2)]
    first, second = (with_lora(regions, n, file) for n, file in enumerate(files))
    both = edited(editor, "flux1", flux1, with_lora(first, 1, files[1]))
    alone = [edited(editor, "flux1", flux1, one) for one in (first, second)]
    assert torch.equal(both[..., :4, :4], alone[0][..., :4, :4])
    assert torch.equal(both[..., 4:, 4:], alone[1][..., 4:, 4:])


def test_several_loras_of_one_instance_act_one_after_the_other(editor, flux1) -> None:
    regions = editor.regions()
    loras = [random_lora(flux1, linear_layers(flux1), seed) for seed in (1, 2)]
    files = [save_lora(f"several_{n}", one) for n, one in enumerate(loras)]
    joined = {
        key: torch.cat([one[key] for one in loras], dim=int("lora_up" in key)) for key in loras[0]
    }
    both = with_lora(with_lora(regions, 0, RegionLora(files[0])), 0, RegionLora(files[1]))
    one = with_lora(regions, 0, RegionLora(save_lora("joined", joined)))
    torch.testing.assert_close(
        edited(editor, "flux1", flux1, both),
        edited(editor, "flux1", flux1, one),
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.mark.parametrize(("image", "text"), [(1.0, 0.0), (0.0, 1.0), (0.7, -0.4)])
def test_each_strength_acts_on_its_own_tokens(editor, flux1, monkeypatch, image, text) -> None:
    asked: list[tuple[int, torch.Tensor, float]] = []
    change = instance_lora.change_rows

    def noted(layer, adapter, rows, x, y):
        asked.append((x.shape[1], rows.places, rows.strength))
        change(layer, adapter, rows, x, y)

    monkeypatch.setattr(instance_lora, "change_rows", noted)
    regions = with_lora(editor.regions(), 0, RegionLora(loud_lora(flux1), image, text))
    edited(editor, "flux1", flux1, regions)
    words, pixels = 10, 4 * 4 + 4 * 4 + 3 * 6
    corners = [0, 1, 4, 5, 16, 17, 20, 21, 32, 33, 34, 38, 39, 40]
    wanted = {
        (words, text): [4, 5, 6],
        (pixels, image): corners,
        (words + pixels, text): [4, 5, 6],
        (words + pixels, image): [words + place for place in corners],
    }
    assert asked
    for length, places, strength in asked:
        assert places.tolist() == wanted[length, strength]
    assert {strength for *_, strength in asked} == {one for one in (image, text) if one}


def test_a_mask_with_a_ring_fades_out_where_no_other_instance_is(editor, flux1) -> None:
    regions = editor.regions()
    file = loud_lora(flux1)
    hard = edited(editor, "flux1", flux1, with_lora(regions, 0, RegionLora(file)))
    soft = edited(editor, "flux1", flux1, with_lora(regions, 0, RegionLora(file, ring=1)))
    assert torch.equal(hard[..., 4:, 4:], soft[..., 4:, 4:])
    assert not torch.equal(hard[..., :4, 4:], soft[..., :4, 4:])


def test_a_global_lora_before_and_after_is_for_everybody(editor, flux1) -> None:
    regions = with_lora(editor.regions(), 0, RegionLora(loud_lora(flux1, 1)))
    tensors = random_lora(flux1, linear_layers(flux1), 2)
    before, _ = sd.load_lora_for_models(flux1, None, tensors, 1.0, 0.0)
    first = edited(editor, "flux1", before, regions)
    patched = editor.apply(flux1, editor.bias(regions, DIS))
    after, _ = sd.load_lora_for_models(patched, None, tensors, 1.0, 0.0)
    conditioning = pictures("flux1", flux1, spans_for(flux1, regions), (8, 8), (6, 12))
    second = sample(after, conditioning, conditioning, random_latent(flux1), steps=1)
    assert torch.equal(first, second)
    assert not torch.allclose(first, edited(editor, "flux1", flux1, regions), atol=1e-3)


def test_pictures_of_a_batch_get_what_each_gets_alone(editor, flux1) -> None:
    regions = with_lora(editor.regions(), 0, RegionLora(loud_lora(flux1)))
    patched = editor.apply(flux1, editor.bias(regions, DIS))
    conditioning = spans_for(flux1, regions)
    two = random_latent(flux1, batch=2)
    both = sample(patched, conditioning, conditioning, two, steps=1, denoise=0.5)
    single = sample(
        patched, conditioning, conditioning, {"samples": two["samples"][:1]}, steps=1, denoise=0.5
    )
    torch.testing.assert_close(both[:1], single, rtol=1e-5, atol=1e-5)


def test_with_cfg_a_negative_prompt_without_instances_has_no_lora(editor, flux1) -> None:
    regions = editor.regions()
    acted: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        change = instance_lora.change_rows

        def noted(layer, adapter, rows, x, y):
            acted.append(len(x))
            change(layer, adapter, rows, x, y)

        patch.setattr(instance_lora, "change_rows", noted)
        own = with_lora(regions, 0, RegionLora(loud_lora(flux1)))
        patched = editor.apply(flux1, editor.bias(own, DIS))
        positive = spans_for(flux1, own)
        negative = [[positive[0][0] * 0.5, {"pooled_output": positive[0][1]["pooled_output"]}]]
        sample(patched, positive, negative, random_latent(flux1), steps=1, cfg=3.0)
    assert set(acted) == {1}
