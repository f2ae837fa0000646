"""Text that is no longer what Multi-Prompt Encode made: refused, or the global prompt's."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

from instance_edit.host.carrier import conditioning_spans
from instance_edit.tests.with_comfyui.comfyui import CLIP, ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_latent,
    run_core,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor, idattn

APPENDED = "tokens were appended to the prompts"


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


@pytest.fixture(params=["flux1", "flux2"])
def pair(request: pytest.FixtureRequest) -> tuple[ModelPatcher, CLIP]:
    clip = {"flux1": "tiny_clip_flux1", "flux2": "tiny_clip_klein"}[request.param]
    return request.getfixturevalue(request.param), request.getfixturevalue(clip)


def changed(conditioning: Conditioning, change: Any) -> Conditioning:
    """As a node that works on the text alone leaves it."""
    return [[change(text), dict(extras)] for text, extras in conditioning]


def swapped(text: torch.Tensor) -> torch.Tensor:
    out = text.clone()
    out[:, [-1, -2]] = out[:, [-2, -1]]
    return out


CHANGES: dict[str, Any] = {
    "one number": lambda text: torch.cat([text[:, :-1], text[:, -1:] + 1e-3], 1),
    "scaled": lambda text: text * 1.1,
    "two tokens swapped": swapped,
    "tokens in front": lambda text: torch.cat([text[:, :5], text], 1),
    "last token cut": lambda text: text[:, :-1],
    "another batch item": lambda text: torch.cat([text, text.flip(1)]),
    "one prompt zero": lambda text: torch.cat([text[:, :-3], text[:, -3:] * 0], 1),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_text_that_another_node_changed_is_refused(editor, pair, change) -> None:
    model, clip = pair
    regions = editor.regions()
    conditioning = changed(editor.encode(clip, regions), CHANGES[change])
    patched = editor.apply(model, editor.bias(regions, idattn()))
    latent = random_latent(model, batch=2)
    with pytest.raises(ValueError, match="another node changed the text"):
        sample(patched, conditioning, conditioning, latent)
    with pytest.raises(ValueError, match="another node changed the text"):
        conditioning_spans(conditioning)


def test_conditioning_average_is_refused(editor, pair) -> None:
    model, clip = pair
    regions = editor.regions()
    inputs = {"conditioning_to_strength": 0.9}
    [other] = run_core("CLIPTextEncode", clip=clip, text="more words")
    [mixed] = run_core(
        "ConditioningAverage",
        conditioning_to=editor.encode(clip, regions),
        conditioning_from=other,
        **inputs,
    )
    patched = editor.apply(model, editor.bias(regions, idattn()))
    with pytest.raises(ValueError, match="Connect Multi-Prompt Encode's output without that node"):
        sample(patched, mixed, mixed, random_latent(model))


@pytest.mark.parametrize("cast", [torch.float16, torch.bfloat16, torch.float64])
def test_a_cast_is_no_change(editor, pair, cast) -> None:
    model, clip = pair
    regions = editor.regions()
    conditioning = editor.encode(clip, regions)
    patched = editor.apply(model, editor.bias(regions, idattn()))
    latent = random_latent(model)
    for kept in (cast, torch.float32):
        moved = changed(conditioning, lambda text, kept=kept: text.to(cast).to(kept))
        assert sample(patched, moved, moved, latent).isfinite().all()


@pytest.mark.parametrize("appended", ["a few more words", "whole"])
def test_appended_text_is_the_global_prompts_and_said_once(
    editor, pair, appended, caplog: pytest.LogCaptureFixture
) -> None:
    """Conditioning Concat: words in any number, also as many as all prompts together have."""
    model, clip = pair
    latent = random_latent(model)
    first, second = ("a big dog", "a old man")

    def run(word: str, more: str) -> torch.Tensor:
        regions = editor.regions(["a red cat", word])
        own = editor.encode(clip, regions)
        [other] = run_core("CLIPTextEncode", clip=clip, text=more)
        if appended == "whole":
            other[0][0] = other[0][0].repeat(1, 9, 1)[:, : own[0][0].shape[1]]
        [both] = run_core("ConditioningConcat", conditioning_to=own, conditioning_from=other)
        patched = editor.apply(model, editor.bias(regions, idattn()))
        return sample(patched, both, both, latent, steps=1)

    with caplog.at_level(logging.INFO, logger="instance_edit"):
        plain = run(first, "more")
    assert caplog.text.count(APPENDED) == 1
    others = {"second's words": run(second, "more"), "appended": run(first, "less")}
    for changed_by, other in others.items():
        assert torch.equal(plain[..., :4, :4], other[..., :4, :4]), changed_by
        assert not torch.equal(plain, other), changed_by


def test_zeroed_text_keeps_its_prompts(editor, pair) -> None:
    """Conditioning Zero Out as a negative: isolated like the positive, also with CFG."""
    model, clip = pair
    latent = random_latent(model)

    def run(word: str) -> torch.Tensor:
        regions = editor.regions(["a red cat", word])
        own = editor.encode(clip, regions)
        [zero] = run_core("ConditioningZeroOut", conditioning=own)
        patched = editor.apply(model, editor.bias(regions, idattn()))
        return sample(patched, own, zero, latent, cfg=3.0)

    one, other = run("a big dog"), run("a old man")
    assert torch.equal(one[..., :4, :4], other[..., :4, :4])
    assert not torch.equal(one, other)


class Redux:
    """Stands in for a STYLE_MODEL: its picture tokens, whatever the picture."""

    def __init__(self, width: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.tokens = torch.randn(1, 9, width, generator=generator)

    def get_cond(self, picture: object) -> torch.Tensor:
        return self.tokens


@pytest.mark.parametrize("strength_type", ["multiply", "attn_bias"])
def test_reduxs_picture_tokens_are_the_global_prompts(editor, pair, strength_type) -> None:
    """Apply Style Model appends them; with attn_bias it also sends a mask for the longer text."""
    model, clip = pair
    latent = random_latent(model)

    def run(word: str, seed: int) -> torch.Tensor:
        regions = editor.regions(["a red cat", word])
        own = editor.encode(clip, regions)
        style = Redux(own[0][0].shape[2], seed)
        inputs = {"clip_vision_output": None, "strength": 0.6, "strength_type": strength_type}
        [both] = run_core("StyleModelApply", conditioning=own, style_model=style, **inputs)
        patched = editor.apply(model, editor.bias(regions, idattn()))
        return sample(patched, both, both, latent, steps=1)

    plain = run("a big dog", 1)
    for other in (run("a old man", 1), run("a big dog", 2)):
        assert torch.equal(plain[..., :4, :4], other[..., :4, :4])
        assert not torch.equal(plain, other)


@pytest.mark.parametrize("order", ["merged behind", "never applied"])
def test_instances_that_no_model_reads_are_refused(editor, pair, order) -> None:
    """Model Merge Simple keeps the patches of model1 alone."""
    model, clip = pair
    regions = editor.regions()
    conditioning = editor.encode(clip, regions)
    lost = model
    if order == "merged behind":
        patched = editor.apply(model, editor.bias(regions, idattn()))
        [lost] = run_core("ModelMergeSimple", model1=model, model2=patched, ratio=0.5)
    inputs = {"seed": 0, "steps": 1, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
    with pytest.raises(ValueError, match="nothing in this model reads them.*Model Merge Simple"):
        run_core(
            "KSampler",
            model=lost,
            positive=conditioning,
            negative=conditioning,
            latent_image=random_latent(model),
            **inputs,
        )
