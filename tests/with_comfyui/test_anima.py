"""Anima's text: every prompt goes through the model's own adapter alone, as core sends one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from instance_edit.tests.with_comfyui import tiny_clips
from instance_edit.tests.with_comfyui.comfyui import CLIP, ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_conditioning,
    random_latent,
    reference,
    run_core,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.locating import locate_by_contrast
from instance_edit.tests.with_comfyui.tiny_families import FAMILIES

WORLD, WORDS, NEIGHBOUR = "a quiet room", "turn the (car:1.3) red", "a big dog by the window"
CORES = 512


@pytest.fixture(scope="module")
def clip() -> CLIP:
    return tiny_clips.anima_clip()


@pytest.fixture(scope="module")
def model() -> ModelPatcher:
    return FAMILIES["anima"][1]()


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


def plain(clip: CLIP, text: str) -> Conditioning:
    return run_core("CLIPTextEncode", clip=clip, text=text)[0]


def spans_of(conditioning: Conditioning) -> Any:
    return conditioning[0][1]["model_conds"]["instance_edit"].cond


def texts_of(
    model: ModelPatcher, conditioning: Conditioning, negative: Conditioning, cfg: float = 1.0
) -> list[torch.Tensor]:
    """What the blocks attend to, per item of the batch: the keys' input of the cross-attention."""
    seen: list[torch.Tensor] = []
    attention = model.model.diffusion_model.blocks[0].cross_attn

    def note(_module: Any, given: tuple[Any, ...]) -> None:
        seen.extend(given[1])

    handle = attention.register_forward_pre_hook(note)
    try:
        sample(model, conditioning, negative, random_latent(model), steps=1, cfg=cfg)
    finally:
        handle.remove()
    return seen


@pytest.mark.parametrize("kind", ["real tokens", "as core"])
@pytest.mark.parametrize("given", [False, True], ids=["text", "conditioning"])
def test_every_prompt_is_what_cores_adapter_makes_of_it_alone(
    editor, clip, model, kind, given
) -> None:
    regions = editor.regions([WORDS, NEIGHBOUR])
    world = {"conditioning": plain(clip, WORLD)} if given else {}
    made = editor.encode_all(clip, regions, "" if given else WORLD, kind=kind, **world)[0]
    patched = editor.apply(model, editor.bias(regions, idattn()))
    [found] = texts_of(patched, made, made)
    alone = [texts_of(model, one, one)[0] for one in (plain(clip, t) for t in ALL)]
    spans = spans_of(made)
    assert spans.lengths[0] == CORES
    assert all(n == CORES if kind == "as core" else n < 20 for n in spans.lengths[1:])
    for n, wanted in enumerate(alone):
        own = found[spans.place(n)]
        torch.testing.assert_close(own, wanted[: len(own)], rtol=1e-5, atol=1e-5)
        assert not wanted[len(own) :].any()  # padding alone is left out


ALL = (WORLD, WORDS, NEIGHBOUR)


def test_a_negative_in_the_same_call_goes_through_the_adapter_by_itself(
    editor, clip, model
) -> None:
    regions = editor.regions([WORDS, NEIGHBOUR])
    made = editor.encode_all(clip, regions, WORLD, negative="blurry")
    patched = editor.apply(model, editor.bias(regions, idattn()))
    both = texts_of(patched, made[0], made[1], cfg=3.0)
    assert len(both) == 2
    wanted = {text: texts_of(model, plain(clip, text), plain(clip, text))[0] for text in SAID}
    for found, spans, prompts in zip(both, (made[1], made[0]), (("blurry",) * 3, ALL), strict=True):
        for n, text in enumerate(prompts):
            own = found[spans_of(spans).place(n)]
            torch.testing.assert_close(own, wanted[text][: len(own)], rtol=1e-5, atol=1e-5)


SAID = (*ALL, "blurry")


def test_a_prompt_that_is_cut_is_cut_behind_the_adapter(editor, clip, model) -> None:
    regions = editor.regions([WORDS, NEIGHBOUR])
    patched = editor.apply(model, editor.bias(regions, idattn()))
    whole, cut = (editor.encode_all(clip, regions, WORLD, length=n)[0] for n in (12, 9))
    long, short = (texts_of(patched, one, one)[0][CORES:] for one in (whole, cut))
    assert len(long) == 24 and len(short) == 18
    torch.testing.assert_close(short[:9], long[:9], rtol=1e-5, atol=1e-5)


def test_velocity_contrast_shows_the_model_each_instruction_as_core_encodes_it(
    pack_nodes, editor, clip, model
) -> None:
    made = editor.encode_all(clip, editor.regions([WORDS, NEIGHBOUR]), WORLD)[0]
    seen: list[torch.Tensor] = []
    attention = model.model.diffusion_model.blocks[0].cross_attn
    handle = attention.register_forward_pre_hook(lambda _, given: seen.extend(given[1]))
    try:
        locate_by_contrast(pack_nodes, model, conditioning=made)
    finally:
        handle.remove()
    alone = [texts_of(model, one, one)[0] for one in (plain(clip, t) for t in ALL)]
    for wanted in alone:
        assert any(torch.allclose(one, wanted, rtol=1e-5, atol=1e-5) for one in seen)
    assert all(len(one) == CORES for one in seen)


def test_reference_images_which_core_would_drop_are_refused(editor, clip, model) -> None:
    regions = editor.regions([WORDS, NEIGHBOUR])
    made = reference(editor.encode_all(clip, regions)[0], random_latent(model))
    patched = editor.apply(model, editor.bias(regions, idattn()))
    with pytest.raises(ValueError, match="Anima does not look at reference images"):
        sample(patched, made, made, random_latent(model))


def test_text_that_the_adapter_cannot_read_is_refused(editor, clip, model) -> None:
    regions = editor.regions([WORDS, NEIGHBOUR])
    patched = editor.apply(model, editor.bias(regions, idattn()))
    made = editor.encode_all(clip, regions)[0]
    more = {"conditioning_to": made, "conditioning_from": plain(clip, "and a cat")}
    [joined] = run_core("ConditioningConcat", **more)
    with pytest.raises(ValueError, match="without its adapter"):
        sample(patched, joined, joined, random_latent(model))
    other = FAMILIES["wan"][1]()
    with pytest.raises(ValueError, match="encoded for Anima, but the model is WanModel"):
        sample(
            editor.apply(other, editor.bias(regions, idattn())), made, made, random_latent(other)
        )
    with pytest.raises(ValueError, match="needs T5's tokens"):
        editor.encode_all(clip, regions, "", conditioning=random_conditioning(model))
