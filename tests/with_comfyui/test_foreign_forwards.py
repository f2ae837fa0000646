"""Packs that run the model past our hooks are refused at the first call that does."""

from __future__ import annotations

import pytest
import torch

from instance_edit.tests.with_comfyui import foreign_forwards as foreign
from instance_edit.tests.with_comfyui.core import random_latent, reference, sample
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.test_foi import TWO, guide
from instance_edit.tests.with_comfyui.test_foi import run as run_guider
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for

PATCHES = {
    "another class": (foreign.swapped_class, r"foreign_forwards\.ReFlux"),
    "own forward": (foreign.own_forward(), r"flux\.model\.Flux.* without their transformer_opt"),
    "own forward but one block": (
        foreign.own_forward(foreign.all_but_the_first),
        r"2 block\(s\) of .*Flux, first block 1",
    ),
    "own forward later": (foreign.own_forward(first=2), r"3 block\(s\) of .*Flux"),
    "own single blocks later": (
        foreign.own_forward(foreign.singles, first=2),
        r"2 block\(s\) of .*Flux, first block 1",
    ),
    "own block": (foreign.own_block, r"1 block\(s\) of .*Flux, first block 0"),
    "past the wrappers": (foreign.past_the_wrappers, r"past_the_wrappers.* past ComfyUI's wrap"),
}


class Edit:
    def __init__(self, nodes, model):
        self.nodes, self.model, self.editor = nodes, model, Editor(nodes)
        self.regions = self.editor.regions(TWO)
        self.latent = random_latent(model)
        self.conditioning = reference(spans_for(model, self.regions), random_latent(model, seed=5))

    def applied(self, model):
        return self.editor.apply(model, self.editor.bias(self.regions, idattn()))

    def run(self, model):
        return sample(model, self.conditioning, self.conditioning, self.latent, steps=3)


@pytest.fixture(params=["flux1", "flux2"])
def edit(request, pack_nodes):
    return Edit(pack_nodes, request.getfixturevalue(request.param))


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("name", PATCHES)
def test_instance_attention_is_refused(edit, name, order) -> None:
    patch, message = PATCHES[name]
    model = (
        edit.applied(patch(edit.model)) if order == "before" else patch(edit.applied(edit.model))
    )
    for _ in range(2 if "later" not in name else 1):  # a second run is no excuse
        with pytest.raises(ValueError, match=message):
            edit.run(model)


@pytest.mark.parametrize("name", [name for name in PATCHES if "later" not in name])
def test_foi_guider_is_refused(edit, name) -> None:
    patch, message = PATCHES[name]
    with pytest.raises(ValueError, match=message):
        guider = guide(edit.nodes, patch(edit.model), edit.regions, edit.conditioning)
        run_guider(guider, edit.latent)


def test_a_block_that_is_skipped_needs_no_bias(edit) -> None:
    out = edit.run(foreign.skipped_block(edit.applied(edit.model)))
    assert torch.equal(out, edit.run(edit.applied(foreign.skipped_block(edit.model))))
    assert not torch.equal(out, edit.run(edit.applied(edit.model)))


def test_no_hook_stays_behind(edit) -> None:
    edit.run(edit.applied(edit.model))
    for module in edit.model.model.diffusion_model.modules():
        assert not module._forward_pre_hooks
