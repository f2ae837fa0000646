"""Faint keys are left out before it is known that this is exact, and put back where it was not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.host import proofs
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher, model_management
from instance_edit.tests.with_comfyui.core import run_core
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.foreign_forwards import skipped_block, swapped_class
from instance_edit.tests.with_comfyui.proving import (
    DEAFENING,
    LOUD,
    MIDDLE,
    SHORT,
    LongEdit,
    reads_by_forward,
)

CLOSE = {"rtol": 1e-4, "atol": 1e-4}


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


@pytest.mark.parametrize(("scale", "wanted"), [(SHORT, [1, 0, 0]), (MIDDLE, [1, 1, 1])])
def test_a_forward_reads_one_number_and_none_where_the_norms_prove_it(
    editor: Editor, flux1: ModelPatcher, scale: float, wanted: list[int]
) -> None:
    edit = LongEdit(editor, flux1, scale)
    edit.run()  # plans are made once per layout, with reads of their own
    assert reads_by_forward(edit, steps=3) == wanted


@pytest.mark.parametrize("scale", [SHORT, MIDDLE])
def test_where_the_proof_holds_one_forward_does_and_the_result_is_the_dense_biases(
    editor: Editor, flux1: ModelPatcher, scale: float
) -> None:
    edit = LongEdit(editor, flux1, scale)
    torch.testing.assert_close(edit.run(steps=2), edit.dense(steps=2), **CLOSE)
    assert edit.forwards == [2, 2]


def test_where_it_fails_the_first_forward_is_run_again_and_no_other(
    editor: Editor, flux1: ModelPatcher
) -> None:
    edit = LongEdit(editor, flux1, LOUD)
    how = {"steps": 3, "sampler": "euler_ancestral"}
    found = [edit.run(**how) for _ in range(2)]
    for one in found:  # the random numbers of an ancestral sampler are the same too
        torch.testing.assert_close(one, edit.dense(**how), **CLOSE)
    assert edit.forwards[:2] == [4, 3]  # in the second run nothing is assumed
    assert reads_by_forward(edit, steps=3) == [1, 0, 0]  # nor asked again once it has failed


@pytest.fixture
def assumed(monkeypatch: pytest.MonkeyPatch) -> list[dict[int, bool]]:
    """Of each forward, which blocks leave their faint keys out."""
    forwards: list[dict[int, bool]] = []
    begin, answer = proofs.Assumed.__init__, proofs.Assumed.__call__

    def begins(self: proofs.Assumed, record: proofs.Record) -> None:
        forwards.append({})
        begin(self, record)

    def answers(self: proofs.Assumed, block: int, *args: Any) -> bool:
        forwards[-1][block] = answer(self, block, *args)
        return forwards[-1][block]

    monkeypatch.setattr(proofs.Assumed, "__init__", begins)
    monkeypatch.setattr(proofs.Assumed, "__call__", answers)
    return forwards


def test_only_the_blocks_that_failed_keep_their_keys(
    editor: Editor, flux1: ModelPatcher, assumed: list[dict[int, bool]]
) -> None:
    edit = LongEdit(editor, flux1, MIDDLE)
    last = flux1.model.diffusion_model.single_blocks[-1].norm.query_norm
    for weight in last.parameters():
        weight.fill_(LOUD)
    found = edit.run(steps=2)
    blocks = len(assumed[0])
    but_the_last = {block: block < blocks - 1 for block in range(blocks)}
    assert assumed == [dict.fromkeys(range(blocks), True), but_the_last]
    assert reads_by_forward(edit, steps=3) == [1, 1, 1]
    assert assumed[2:] == [but_the_last] * 3
    assert edit.forwards == [3, 3]
    torch.testing.assert_close(found, edit.dense(steps=2), **CLOSE)


def test_two_forwards_of_a_run_are_run_again_at_most(
    editor: Editor,
    flux1: ModelPatcher,
    assumed: list[dict[int, bool]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Should a block fail in a later forward that held before, all keep their keys. Once all have
    failed, nothing is read."""
    edit, failing = LongEdit(editor, flux1, MIDDLE), [{0}, {1}, {2}]
    monkeypatch.setattr(proofs.Assumed, "read", lambda *_: (failing.pop(0), None))
    edit.run(steps=4)
    assert edit.forwards == [6] and not failing
    assert [sum(not out for out in blocks.values()) for blocks in assumed[:2]] == [0, 1]
    assert not any(out for blocks in assumed[2:] for out in blocks.values())


def test_after_a_run_in_which_nothing_failed_it_is_assumed_again(
    editor: Editor, flux1: ModelPatcher, assumed: list[dict[int, bool]]
) -> None:
    LongEdit(editor, flux1, LOUD).run()
    quiet = LongEdit(editor, flux1, MIDDLE)
    for _ in range(2):
        quiet.run(steps=2)
    assert [set(blocks.values()) for blocks in assumed[1:]] == [{False}] * 2 + [{True}] * 2
    assert quiet.forwards == [2, 2]


def test_leaving_the_keys_out_unproven_would_have_been_seen(
    editor: Editor, flux1: ModelPatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = LongEdit(editor, flux1, DEAFENING)
    torch.testing.assert_close(edit.run(), edit.dense(), **CLOSE)
    proofs._records.clear()
    monkeypatch.setattr(proofs, "keep_all", lambda *_: True)
    assert float((edit.run() - edit.dense()).abs().max()) > 1e-2


def test_a_batch_for_guidance_is_proven_together(editor: Editor, flux1: ModelPatcher) -> None:
    edit = LongEdit(editor, flux1, MIDDLE)
    torch.testing.assert_close(edit.run(cfg=3.0), edit.dense(cfg=3.0), **CLOSE)
    loud = LongEdit(editor, flux1, DEAFENING)
    torch.testing.assert_close(loud.run(cfg=3.0), loud.dense(cfg=3.0), **CLOSE)
    assert edit.forwards == [1, 1] and loud.forwards == [2, 1]


def wrapped(kind: str, behind: bool = True) -> Callable[[ModelPatcher], ModelPatcher]:
    """Another pack's wrapper, behind ours or before."""

    def patch(model: ModelPatcher) -> ModelPatcher:
        patched = model.clone()
        own = patched.wrappers.setdefault(kind, {})
        theirs = {"another pack": [lambda executor, *args, **rest: executor(*args, **rest)]}
        patched.wrappers[kind] = {**own, **theirs} if behind else {**theirs, **own}
        return patched

    return patch


def patched_attention(model: ModelPatcher) -> ModelPatcher:
    patched = model.clone()
    patched.set_model_attn1_output_patch(lambda out, _: out)
    return patched


def own_forward(model: ModelPatcher) -> ModelPatcher:
    """A pack that sets the network's forward, as TeaCache does while the model runs."""
    network = model.model.diffusion_model
    network.forward_orig = network.forward_orig
    return model


def easy_cache(model: ModelPatcher) -> ModelPatcher:
    cache = {"reuse_threshold": 0.2, "start_percent": 0.15, "end_percent": 0.95, "verbose": False}
    return run_core("EasyCache", model=model, **cache)[0]


HELD: dict[str, Callable[[ModelPatcher], ModelPatcher]] = {
    "EasyCache": easy_cache,
    "FluxKVCache": lambda model: run_core("FluxKVCache", model=model)[0],
    "a wrapper of the network": wrapped("diffusion_model"),
    "a wrapper of the model behind ours": wrapped("apply_model"),
    "a patch of the attention": patched_attention,
    "a replaced block": skipped_block,
    "a forward of its own": own_forward,
    "a class of its own": swapped_class,
}


@pytest.mark.parametrize("patch", HELD.values(), ids=HELD)
def test_where_a_second_forward_may_not_give_the_same_none_is_run(
    editor: Editor, flux1: ModelPatcher, patch: Callable[[ModelPatcher], ModelPatcher]
) -> None:
    edit = LongEdit(editor, flux1, LOUD)
    if patch is swapped_class:  # its blocks never get our override
        with pytest.raises(ValueError, match="ran without what Apply"):
            edit.run(patch(edit.model))
        assert edit.forwards == [1]
        return
    found = edit.run(patch(edit.model))
    assert edit.forwards == [0 if patch is skipped_block else 1]
    torch.testing.assert_close(found, edit.dense(patch), **CLOSE)


@pytest.mark.parametrize(("scale", "later"), [(MIDDLE, 3), (LOUD, 0)])
def test_each_block_waits_there_until_it_has_failed_in_the_run(
    editor: Editor, flux1: ModelPatcher, scale: float, later: int
) -> None:
    edit = LongEdit(editor, flux1, scale)
    edit.model = patched_attention(edit.model)
    edit.run()  # plans are made once per layout, with reads of their own
    assert reads_by_forward(edit, steps=3) == [3, later, later]


def test_a_wrapper_of_the_model_before_ours_sees_one_call(
    editor: Editor, flux1: ModelPatcher
) -> None:
    edit = LongEdit(editor, flux1, LOUD)
    torch.testing.assert_close(
        edit.run(wrapped("apply_model", behind=False)(edit.model)), edit.dense(), **CLOSE
    )
    assert edit.forwards == [2, 1]


def test_a_training_holds_one_graph(editor: Editor, flux1: ModelPatcher) -> None:
    edit = LongEdit(editor, flux1, LOUD)
    calls: list[int] = []

    def train(executor: Any, x: Tensor, *args: Any, **rest: Any) -> Tensor:
        with torch.inference_mode(False), torch.enable_grad():
            calls.append(1)
            return executor(x.clone(), *args, **rest)

    training = edit.model.clone()
    training.wrappers["apply_model"] = {"training": [train], **training.wrappers["apply_model"]}
    edit.run(training)
    assert edit.forwards == [1] and calls == [1]


def test_an_interrupt_between_the_two_ends_the_run_and_leaves_nothing_behind(
    editor: Editor, flux1: ModelPatcher
) -> None:
    edit = LongEdit(editor, flux1, LOUD)
    network = flux1.model.diffusion_model
    last = network.final_layer.register_forward_hook(
        lambda *_: model_management.interrupt_current_processing(True)
    )
    with pytest.raises(model_management.InterruptProcessingException):
        edit.run()
    last.remove()
    assert edit.forwards == [1]
    assert not network.double_blocks[0]._forward_pre_hooks
    torch.testing.assert_close(edit.run(), edit.dense(), **CLOSE)
    assert edit.forwards == [1, 1, 1]


def test_memory_that_runs_out_in_the_second_forward_is_cores_to_handle(
    editor: Editor, flux1: ModelPatcher
) -> None:
    edit, left = LongEdit(editor, flux1, LOUD), [1]

    def full(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise torch.OutOfMemoryError("the device is full")

    first = flux1.model.diffusion_model.double_blocks[0].register_forward_pre_hook(full)
    with pytest.raises(torch.OutOfMemoryError):
        edit.run()
    first.remove()
    torch.testing.assert_close(edit.run(), edit.dense(), **CLOSE)
    assert edit.forwards[1:] == [1, 1]


def test_a_forward_that_is_answered_from_a_memory_nobody_could_know_of_is_refused(
    editor: Editor, flux1: ModelPatcher
) -> None:
    edit = LongEdit(editor, flux1, LOUD)
    memory: list[Tensor] = []
    network = type(flux1.model.diffusion_model)
    plain = network._forward

    def remembers(*args: Any, **rest: Any) -> Tensor:
        if not memory:
            memory.append(plain(*args, **rest))
        return memory[0]

    remembers.__module__ = network.__module__  # in disguise
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(ValueError, match="some of its blocks were not: a step cache"),
    ):
        patch.setattr(network, "_forward", remembers)
        edit.run()
