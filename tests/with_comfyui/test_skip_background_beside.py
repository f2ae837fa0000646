"""Skip Background beside everything else that a workflow may hold."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch._dynamo as dynamo
from torch import Tensor
from torch._dynamo.utils import counters

from instance_edit.tests.with_comfyui import tiny_families
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.compositions import lora_hooks, redux
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_conditioning,
    random_latent,
    reference,
    run_core,
)
from instance_edit.tests.with_comfyui.editing import MICE
from instance_edit.tests.with_comfyui.locating import (
    locate_by_contrast,
    locate_instances,
    locate_instruction,
)
from instance_edit.tests.with_comfyui.sessions import ON, Session
from instance_edit.tests.with_comfyui.skipping import CLOSE, CONTEXTS, SIDE, Skipped
from instance_edit.tests.with_comfyui.test_composition import with_lora
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for
from instance_edit.tests.with_comfyui.tiny_controlnets import controlled


@pytest.fixture(params=["flux1", "flux2"])
def edit(request: pytest.FixtureRequest, pack_nodes) -> Skipped:
    return Skipped(pack_nodes, request.getfixturevalue(request.param))


def kv_cache(model: ModelPatcher) -> ModelPatcher:
    return run_core("FluxKVCache", model=model)[0]


def easy_cache(model: ModelPatcher) -> ModelPatcher:
    how = {"reuse_threshold": 0.0, "start_percent": 0.0, "end_percent": 1.0, "verbose": False}
    return run_core("EasyCache", model=model, **how)[0]


MODELS: dict[str, Callable[[ModelPatcher], ModelPatcher]] = {
    "LoRA": with_lora,
    "EasyCache that never reuses": easy_cache,
}


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("name", MODELS)
def test_patches_before_and_after_leave_instances_as_in_the_whole_picture(
    edit: Skipped, name: str, context: str
) -> None:
    patch = MODELS[name]
    whole = edit.run(patch(edit.applied), steps=3)
    after = edit.run(patch(edit.skip(context=context)), steps=3)
    before = edit.run(edit.skip(edit.apply(patch(edit.model)), context=context), steps=3)
    for cut in (after, before):
        assert edit.apart(cut, whole) < CLOSE
        assert edit.keeps_source(cut)


CONDITIONINGS: dict[str, Callable[[Conditioning], Conditioning]] = {
    "LoRA hooks": lora_hooks,
    "Redux": redux,
}


@pytest.mark.parametrize("name", CONDITIONINGS)
def test_conditionings_too(edit: Skipped, name: str) -> None:
    words = CONDITIONINGS[name](edit.words)
    whole, cut = edit.run(edit.applied, words), edit.run(edit.skip(), words)
    assert edit.apart(cut, whole) < CLOSE
    assert edit.keeps_source(cut)


def test_a_controlnet_acts_where_it_acts_in_the_whole_picture(pack_nodes, flux1) -> None:
    edit = Skipped(pack_nodes, flux1)
    words = controlled(edit.words)
    settings = {"words": words, "steps": 1}  # later it sees the background on its own path
    whole = edit.run(edit.applied, **settings)
    assert edit.apart(edit.run(edit.applied, steps=1), whole) > 1e-3
    for context in CONTEXTS:
        assert edit.apart(edit.run(edit.skip(context=context), **settings), whole) < CLOSE


@pytest.mark.parametrize("full_steps", [0, 1])
def test_flux_kv_cache_holds_all_of_the_references(pack_nodes, flux2, full_steps: int) -> None:
    edit = Skipped(pack_nodes, flux2)
    whole = edit.run(kv_cache(edit.applied), steps=3)
    cut = edit.run(kv_cache(edit.skip(full_steps=full_steps, context="near regions")), steps=3)
    assert edit.apart(cut, whole) < CLOSE
    assert edit.keeps_source(cut)


@pytest.fixture
def no_graphs() -> Iterator[None]:
    dynamo.reset()
    counters.clear()
    yield
    dynamo.reset()


@pytest.mark.usefixtures("no_graphs")
@pytest.mark.parametrize("first", [False, True])
def test_compiled_it_is_the_same_and_no_other_run_gets_its_graph(
    pack_nodes, flux1, first: bool
) -> None:
    edit = Skipped(pack_nodes, flux1)

    def compiled(model: ModelPatcher) -> ModelPatcher:
        return run_core("TorchCompileModel", model=model, backend="eager")[0]

    whole = edit.apply(compiled(flux1)) if first else compiled(edit.applied)
    cut = edit.skip(edit.apply(compiled(flux1))) if first else compiled(edit.skip())
    wanted = {True: edit.run(edit.skip()), False: edit.run(edit.applied)}
    for skipping in (True, False, True):
        found = edit.run(cut if skipping else whole)
        torch.testing.assert_close(found, wanted[skipping], rtol=0, atol=0)


@pytest.mark.usefixtures("no_graphs")
def test_nothing_is_compiled_anew_after_the_second_step(pack_nodes, flux1) -> None:
    edit = Skipped(pack_nodes, flux1)
    model = run_core("TorchCompileModel", model=edit.skip(), backend="eager")[0]
    frames: list[int] = []
    edit.run(model, steps=5, callback=lambda *_: frames.append(counters["frames"]["total"]))
    assert len(frames) == 5 and len(set(frames[1:])) == 1


@pytest.mark.parametrize("how", ["cut", "whole steps", "plain negative"])
def test_every_prediction_has_the_source_around_the_edit(edit: Skipped, how: str) -> None:
    shown: list[Tensor] = []
    guided = {"negative": random_conditioning(edit.model, tokens=10), "cfg": 3.0}
    edit.run(
        edit.skip(full_steps=2 if how == "whole steps" else 0),
        steps=3,
        callback=lambda i, clean, x, total: shown.append(clean),
        **(guided if how == "plain negative" else {}),
    )
    source = edit.model.model.process_latent_in(edit.source["samples"])
    assert len(shown) == 3
    for clean in shown:
        assert float((clean - source)[..., edit.away].abs().max()) < 1e-5


def test_mice_keeps_its_instances_up_to_their_ring(edit: Skipped) -> None:
    applied = edit.apply(edit.model, MICE)
    whole, cut = edit.run(applied), edit.run(edit.skip(applied, margin=2))
    assert edit.keeps_source(edit.run(edit.skip(applied)))
    assert edit.apart(cut, whole) < 0.3 < edit.apart(edit.source["samples"], whole)


@pytest.mark.parametrize("locate", [locate_instances, locate_instruction, locate_by_contrast])
def test_locators_read_the_whole_picture(
    pack_nodes, flux1, tiny_clip_flux1, locate: Callable[..., Any]
) -> None:
    edit = Skipped(pack_nodes, flux1)
    clip = (tiny_clip_flux1,) if locate is locate_instruction else ()
    given = {"latent": edit.latent, "conditioning": edit.words}
    whole, skipping = (
        [one for one in locate(pack_nodes, model, *clip, **given) if isinstance(one, Tensor)]
        for model in (edit.applied, edit.skip())
    )
    assert whole
    assert all(torch.equal(one, other) for one, other in zip(whole, skipping, strict=True))


def test_inversion_and_lqr_go_their_way(edit: Skipped) -> None:
    session = Session(edit.nodes, edit.model)
    inverted = [
        session.run(session.inversion(), edit.words, edit.source, 0, model=model)["samples"]
        for model in (edit.applied, edit.skip())
    ]
    assert torch.equal(*inverted)
    start = {"samples": inverted[0]}
    memory = session.memory(edit.source)
    whole, cut = (
        session.run(session.lqr(memory), edit.words, start, model=model)["samples"]
        for model in (edit.applied, edit.skip())
    )
    assert edit.apart(cut, whole) < CLOSE
    assert edit.keeps_source(cut)
    with pytest.raises(ValueError, match="learns from the whole picture, which Skip Background"):
        session.run(session.lqr(memory, ON), edit.words, start, model=edit.skip())


def test_what_is_left_out_is_said_once(
    edit: Skipped, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "instance_edit.nodes.skip_background.show_on_node",
        lambda node, text: said.append((node, text)),
    )
    with caplog.at_level(logging.INFO):
        edit.run(edit.skip(context="near regions"), steps=3)
    [(_, text)] = said
    lines = [line for line in caplog.messages if line.startswith("Skip Background: ")]
    assert lines == [f"Skip Background: {text}."]
    kept, total = (int(word) for word in text.split() if word.isdigit())
    assert kept < total
    assert text.endswith("times less work")


def test_a_model_without_instance_attention_is_refused(edit: Skipped) -> None:
    with pytest.raises(ValueError, match="Connect the model from Apply Instance Attention"):
        edit.skip(edit.model)


def test_a_second_time_is_refused(edit: Skipped) -> None:
    with pytest.raises(ValueError, match="skips the background already"):
        edit.skip(edit.skip())


def test_chroma_is_refused(pack_nodes) -> None:
    edit = Skipped(pack_nodes, tiny_families.chroma())
    with pytest.raises(ValueError, match="Chroma offers no place where the positions"):
        edit.skip()


def test_an_edit_without_a_source_is_refused(edit: Skipped) -> None:
    with pytest.raises(ValueError, match="needs the picture that is edited in the size"):
        edit.run(edit.skip(), spans_for(edit.model, edit.regions))


def test_a_source_of_another_size_is_refused(edit: Skipped) -> None:
    small = random_latent(edit.model, 8, 8)
    words = reference(spans_for(edit.model, edit.regions), small)
    with pytest.raises(ValueError, match=r"is sampled, \(12, 12\) .* got \[\(8, 8\)\]"):
        edit.run(edit.skip(), words)
    with pytest.raises(ValueError, match=r"is sampled, \(12, 12\) .* got \[\(8, 8\)\]"):
        edit.run(edit.skip(latent=small))


def test_two_sources_are_refused(edit: Skipped) -> None:
    other = reference(spans_for(edit.model, edit.regions), random_latent(edit.model, SIDE, SIDE))
    with pytest.raises(ValueError, match="conditionings of this run edit several"):
        edit.run(edit.skip(), edit.words + other)


def test_an_attention_mask_of_the_whole_picture_is_refused(pack_nodes, flux1) -> None:
    edit = Skipped(pack_nodes, flux1)
    words = redux(edit.words, strength_type="attn_bias", strength=0.5)
    with pytest.raises(ValueError, match="which Skip Background cannot cut"):
        edit.run(edit.skip(), words)


def test_a_call_outside_of_a_sampling_run_is_refused(edit: Skipped) -> None:
    from instance_edit.host.prediction import model_call

    with pytest.raises(ValueError, match="works in sampling runs that ComfyUI prepares"):
        model_call(edit.skip(), edit.words, edit.latent["samples"])()


def test_the_input_model_is_untouched(edit: Skipped) -> None:
    before = edit.run(edit.applied)
    edit.run(edit.skip())
    assert torch.equal(edit.run(edit.applied), before)
