"""A reference that one instance owns, inside and outside the instance's steps window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from instance_edit.nodes.methods import METHODS
from instance_edit.tests.with_comfyui.core import random_latent, reference, sample
from instance_edit.tests.with_comfyui.editing import Editor, method_inputs
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for

SIDES = {"flux1": 68, "flux2": 34}  # 34 x 34 = 1156 tokens


@pytest.fixture(params=SIDES)
def family(request):
    return request.param, request.getfixturevalue(request.param)


def with_owner(editor, **window):
    first, second = editor.regions()
    return replace(first, reference=0, **window), second


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_of_real_size_is_finite_while_the_owner_is_away(pack_nodes, family, method):
    name, model = family
    editor, side = Editor(pack_nodes), SIDES[name]
    regions = with_owner(editor, end=0.5)
    bias = editor.bias(regions, method_inputs(method))
    picture, latent = random_latent(model, side, side, seed=5), random_latent(model, side, side)
    conditioning = reference(spans_for(model, regions), picture)
    out = sample(editor.apply(model, bias), conditioning, conditioning, latent)
    assert out.isfinite().all()


@pytest.mark.parametrize("execution", ["auto", "dense"])
@pytest.mark.parametrize("method", METHODS)
def test_outside_its_window_an_instance_leaves_nothing_of_its_reference(
    pack_nodes, family, method, execution
):
    _, model = family
    editor, latent = Editor(pack_nodes), random_latent(model)

    def change(**window):
        """By how much another picture in the owned reference changes the result."""
        regions = with_owner(editor, **window)
        bias = editor.bias(regions, method_inputs(method))
        patched = editor.apply(model, bias, execution=execution)
        found = []
        for seed in (5, 6):
            picture = random_latent(model, seed=seed)
            conditioning = reference(spans_for(model, regions), picture)
            found.append(sample(patched, conditioning, conditioning, latent))
        return float((found[0] - found[1]).abs().max())

    assert change(start=0.9) == 0.0
    assert change(start=0.5) > 1e-4
