"""The method that docs/add_a_method.md prints, from its face to a sampled picture."""

from __future__ import annotations

import torch

from instance_edit.nodes.methods import METHODS
from instance_edit.tests.pages import load_printed
from instance_edit.tests.with_comfyui.core import random_latent, sample
from instance_edit.tests.with_comfyui.editing import Editor, method_inputs
from instance_edit.tests.with_comfyui.test_instance_attention import change_prompt, spans_for

FILES = ("attention/own_words.py", "nodes/methods/own_words.py")


def test_the_printed_method_edits_on_a_model(pack_nodes, flux1, monkeypatch, tmp_path) -> None:
    page = "docs/add_a_method.md"
    _, face = [load_printed(page, path, tmp_path, monkeypatch) for path in FILES]
    monkeypatch.setitem(METHODS, face.METHOD.name, face.METHOD)
    offered = pack_nodes["InstanceEditBuildBias"].GET_SCHEMA().inputs
    assert face.METHOD.says in next(item for item in offered if item.id == "method").tooltip

    editor = Editor(pack_nodes)
    regions = editor.regions()
    patched = editor.apply(flux1, editor.bias(regions, method_inputs(face.METHOD.name)))
    conditioning, latent = spans_for(flux1, regions), random_latent(flux1)
    found = sample(patched, conditioning, conditioning, latent)
    assert found.isfinite().all()
    assert not torch.equal(found, sample(flux1, conditioning, conditioning, latent))
    other = change_prompt(conditioning, 4, 7)  # the first instance's words
    assert not torch.equal(found, sample(patched, other, other, latent))
