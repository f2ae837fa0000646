"""Core's MultiGPU CFG Split: each conditioning of a step on a card, and in a thread, of its own.

A second name of the CPU stands for a second card; all the rest is core's own (`comfy/multigpu.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, WrappersMP
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_latent,
    reference,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.locating import locate_by_contrast
from instance_edit.tests.with_comfyui.locating import spans_for as branch_spans
from instance_edit.tests.with_comfyui.sessions import ON, Session
from instance_edit.tests.with_comfyui.test_foi import TWO, WITH_CFG, guide
from instance_edit.tests.with_comfyui.test_foi import run as run_guider
from instance_edit.tests.with_comfyui.test_instance_attention import change_prompt, spans_for
from instance_edit.tests.with_comfyui.test_loaders import MODELS, load
from instance_edit.tools.model_shapes import DEEP

SECOND = torch.device("cpu", 0)


def split(model: ModelPatcher) -> ModelPatcher:
    """As `create_multigpu_deepclones` does for every card but the first."""
    patched = model.clone()
    clone = patched.deepclone_multigpu(new_load_device=SECOND)
    clone.is_multigpu_base_clone = True
    patched.set_additional_models("multigpu", [clone])
    patched.match_multigpu_clones()
    return patched


def noting(model: ModelPatcher, cards: set[torch.device]) -> ModelPatcher:
    """The model, with a note of the cards that its calls ran on."""

    def note(executor, *args, **kwargs):
        options = args[5] if len(args) > 5 else kwargs["transformer_options"]
        cards.add(options.get("multigpu_thread_device"))
        return executor(*args, **kwargs)

    patched = model.clone()
    patched.add_wrapper_with_key(WrappersMP.APPLY_MODEL, "cards", note)
    return patched


@pytest.fixture(params=MODELS)
def model(request) -> ModelPatcher:
    """From a file, as core's loader gives it: the clone for another card is loaded once more."""
    return load(MODELS[request.param](DEEP), "default")


def same_on_both(model: ModelPatcher, run: Callable[[ModelPatcher], Tensor]) -> Tensor:
    """What a run gives on two cards, which is what it gives on one."""
    cards: set[torch.device] = set()
    found = run(noting(split(model), cards))
    assert cards == {torch.device("cpu"), SECOND}
    torch.testing.assert_close(found, run(model), atol=1e-3, rtol=1e-3)
    return found


def test_instances_stay_apart_on_two_cards(pack_nodes, model) -> None:
    editor = Editor(pack_nodes)
    regions = editor.regions()
    bias, latent = editor.bias(regions, idattn()), random_latent(model)
    words = reference(spans_for(model, regions), random_latent(model, seed=5))
    negative = spans_for(model, regions, seed=9)

    def edited(patched: ModelPatcher, positive: Conditioning = words) -> Tensor:
        return sample(patched, positive, negative, latent, cfg=2.0)

    found = same_on_both(model, lambda base: edited(editor.apply(base, bias)))
    assert torch.equal(edited(split(editor.apply(model, bias))), found)
    other = edited(editor.apply(split(model), bias), change_prompt(words, 7, 10))
    assert torch.equal(found[..., :4, :4], other[..., :4, :4])
    assert not torch.equal(found, other)


def test_foi_guider_is_right_on_two_cards(pack_nodes, model) -> None:
    regions, latent = Editor(pack_nodes).regions(TWO), random_latent(model)
    guider = guide(pack_nodes, split(model), regions, form=WITH_CFG)
    plain = guide(pack_nodes, model, regions, form=WITH_CFG)
    torch.testing.assert_close(run_guider(guider, latent), run_guider(plain, latent))


def test_adaptive_attention_is_right_on_two_cards(pack_nodes, model) -> None:
    editor, latent = Editor(pack_nodes), random_latent(model)
    words, negative = (spans_for(model, editor.regions(), seed=seed) for seed in (1, 9))

    def turn(base: ModelPatcher) -> Tensor:
        session = Session(pack_nodes, base)
        sampler = session.lqr(session.memory(latent), ON)
        return session.run(sampler, words, latent, negative=negative)["samples"]

    same_on_both(model, turn)


def test_velocity_contrast_finds_the_same_on_two_cards(pack_nodes, model) -> None:
    same_on_both(
        model,
        lambda base: locate_by_contrast(pack_nodes, base, conditioning=branch_spans(model))[0],
    )
