"""The node Instance LoRA: which instance gets which file."""

from __future__ import annotations

import pytest
import torch

from instance_edit.host import lora_files
from instance_edit.host.lora_files import file_hash
from instance_edit.mask_ops.instance_lora import RegionLora
from instance_edit.tests.with_comfyui.comfyui import comfyui_version
from instance_edit.tests.with_comfyui.core import run_node
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.lora_making import save_lora


@pytest.fixture
def node(pack_nodes):
    return pack_nodes["InstanceEditLora"]


@pytest.fixture
def file() -> str:
    return save_lora("chosen", {"diffusion_model.x.lora_up.weight": torch.ones(2, 2)})


def give(node, regions, instance, file, image=1.0, text=1.0, **more):
    inputs = {"strength_image": image, "strength_text": text, **more}
    return run_node(node, regions=regions, instance=instance, lora=file, **inputs)[0]


def test_the_named_instance_gets_the_file_with_its_hash_and_strengths(
    pack_nodes, node, file
) -> None:
    regions = Editor(pack_nodes).regions()
    first, second = give(node, regions, "2", file, 0.5, 2.0, ring=3)
    assert first == regions[0]
    assert second.loras == (RegionLora(file, 0.5, 2.0, 3, file_hash(file)),)
    again = give(node, (first, second), "2", file)
    assert [one.image for one in again[1].loras] == [0.5, 1.0]


def test_an_instance_that_is_not_there_is_refused(pack_nodes, node, file) -> None:
    regions = Editor(pack_nodes).regions()
    with pytest.raises(ValueError, match="'instance' must be a number from 1 to 2 or the label"):
        give(node, regions, "3", file)


def test_without_regions_there_is_nothing_to_give_it_to(node, file) -> None:
    with pytest.raises(ValueError, match="no regions came in"):
        give(node, (), "1", file)


def test_it_runs_again_when_the_file_has_changed(node, file) -> None:
    before = node.fingerprint_inputs(lora=file)
    save_lora("chosen", {"diffusion_model.x.lora_up.weight": torch.zeros(3, 3)})
    assert node.fingerprint_inputs(lora=file) != before


def test_a_comfyui_whose_adapters_have_no_forward_form_is_refused_with_its_version(
    pack_nodes, node, file, monkeypatch
) -> None:
    monkeypatch.setattr(lora_files, "WeightAdapterBase", object)
    with pytest.raises(ValueError, match=f"which ComfyUI {comfyui_version} does not have"):
        give(node, Editor(pack_nodes).regions(), "1", file)
