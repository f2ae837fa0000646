"""Instance attention on a model whose matrices are packed, as the GGUF pack's are (a stand-in)."""

from __future__ import annotations

import pytest
import torch

from instance_edit.tests.with_comfyui import tiny_models
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.composed import Case, Patch
from instance_edit.tests.with_comfyui.gguf_pack import Packed, PackedPatcher, load_packed
from instance_edit.tests.with_comfyui.test_composition import with_lora
from instance_edit.tests.with_comfyui.test_loaders import MODELS
from instance_edit.tools.model_shapes import DEEP


@pytest.fixture(params=MODELS)
def model(request) -> ModelPatcher:
    return load_packed(MODELS[request.param](DEEP))


def packed_parts(model: ModelPatcher) -> list[Packed]:
    return [one for one in model.model.parameters() if isinstance(one, Packed)]


def test_an_instance_stays_bit_independent_and_the_patcher_keeps_its_class(
    pack_nodes, model
) -> None:
    case = Case(pack_nodes, model, "IDAttn dis")
    assert len(packed_parts(model)) > 20
    assert type(case.applied(model)) is PackedPatcher
    assert case.leak(Patch(), "beside") == 0.0


def test_a_lora_that_hangs_on_the_tensors_acts_in_both_orders(pack_nodes, model) -> None:
    case, patch = Case(pack_nodes, model, "IDAttn dis"), Patch(with_lora)
    before = case.run(patch, "before")
    assert any(part.patches for part in packed_parts(model))
    assert torch.equal(before, case.run(patch, "after"))
    assert float((before - case.run(Patch(), "beside")).abs().max()) > 1e-3
    assert not any(part.patches for part in packed_parts(model))
    assert case.leak(patch, "after") == 0.0


def test_the_packed_model_is_nearly_the_plain_one(pack_nodes) -> None:
    """As the stand-in has to, or the tests above show little."""
    weights = tiny_models.flux1_state_dict(DEEP)
    plain, packed = tiny_models.load_model(weights), load_packed(weights)
    one, other = (Case(pack_nodes, m, "MICE").run(Patch(), "beside") for m in (plain, packed))
    assert 0 < float((one - other).abs().mean()) < 0.05 * float(one.abs().mean())
