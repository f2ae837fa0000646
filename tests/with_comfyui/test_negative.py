"""Multi-Prompt Encode's negative: the same instances, so that CFG and NAG keep them apart."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import random_latent, run_core, sample
from instance_edit.tests.with_comfyui.editing import MICE, Editor, idattn
from instance_edit.tests.with_comfyui.test_as_core import MODELS, difference, with_reference

FLUX = [name for name in MODELS if name.startswith("flux")]
SAID = "the negative prompt has no instances"


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


def encode(editor: Editor, name: str, model: Any, word: str, **options: Any) -> list[Any]:
    """Regions, positive and negative conditioning, with a reference where the family has them."""
    regions = editor.regions(["turn the car red", word])
    outputs = editor.encode_all(MODELS[name][1](), regions, negative="blurry", **options)
    return [regions, *(with_reference(name, model, one) for one in outputs[:2])]


def nag(model: ModelPatcher) -> ModelPatcher:
    return run_core("NAGuidance", model=model, nag_scale=5.0, nag_alpha=0.5, nag_tau=1.5)[0]


def first_cells(result: torch.Tensor) -> torch.Tensor:
    return result[..., :4, :4]


@pytest.mark.parametrize("name", list(MODELS))
def test_with_cfg_an_instance_does_not_notice_another_unless_the_negative_is_plain(
    editor: Editor, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = MODELS[name][0]()
    latent = random_latent(model)
    [plain] = run_core("CLIPTextEncode", clip=MODELS[name][1](), text="blurry")
    plain = with_reference(name, model, plain)

    def run(word: str, with_instances: bool) -> torch.Tensor:
        regions, positive, negative = encode(editor, name, model, word)
        patched = editor.apply(model, editor.bias(regions, idattn()))
        negative = negative if with_instances else plain
        return sample(patched, positive, negative, latent, cfg=3.0)

    one, other = (run(word, True) for word in ("a big dog", "a old man"))
    assert torch.equal(first_cells(one), first_cells(other))
    assert not torch.equal(one, other)
    assert SAID not in caplog.text
    with caplog.at_level(logging.INFO, logger="instance_edit"):
        one = run("a big dog", False)
    assert caplog.text.count(SAID) == 1
    leak = difference(first_cells(run("a old man", False)), first_cells(one))
    print(f"\n{name}: leak through a plain negative at CFG 3, two steps: {leak:.2g}")
    assert leak > 1e-6


@pytest.mark.parametrize("name", FLUX)
def test_positive_and_negative_share_one_model_call(editor: Editor, name: str) -> None:
    model = MODELS[name][0]()
    regions, positive, negative = encode(editor, name, model, "a big dog")
    assert positive[0][0].shape == negative[0][0].shape
    assert torch.equal(positive[0][0], encode(editor, name, model, "a big dog")[1][0][0])
    batches = []

    def spy(executor, x, *args, **kwargs):
        batches.append(len(x))
        return executor(x, *args, **kwargs)

    patched = editor.apply(model, editor.bias(regions, MICE))
    patched.add_wrapper_with_key("apply_model", "spy", spy)
    sample(patched, positive, negative, random_latent(model), steps=1, cfg=3.0)
    assert batches == [2]


@pytest.mark.parametrize("name", FLUX)
def test_the_positive_is_the_same_whatever_the_negative_is(editor: Editor, name: str) -> None:
    regions = editor.regions()
    clip = MODELS[name][1]()
    long = "blurry, ugly, out of focus, with too many hands and feet, badly lit, cut off " * 9
    one, other = (editor.encode_all(clip, regions, negative=text) for text in ("", long))
    assert torch.equal(one[0][0][0], other[0][0][0])
    assert other[1][0][0].shape[1] > other[0][0][0].shape[1]


@pytest.mark.parametrize("name", FLUX)
def test_a_long_negative_still_keeps_instances_apart(editor: Editor, name: str) -> None:
    model = MODELS[name][0]()
    clip, latent = MODELS[name][1](), random_latent(model)
    long = "blurry, ugly, out of focus, with too many hands and feet, badly lit, cut off " * 9
    results = []
    for word in ("a big dog", "a old man"):
        regions = editor.regions(["turn the car red", word])
        positive, negative, *_ = editor.encode_all(clip, regions, negative=long)
        patched = editor.apply(model, editor.bias(regions, idattn()))
        results.append(sample(patched, positive, negative, latent, cfg=3.0))
        with pytest.raises(ValueError, match="NAGuidance needs .* shorten the negative text"):
            sample(nag(patched), positive, negative, latent)
    assert torch.equal(*map(first_cells, results))


@pytest.mark.parametrize("name", FLUX)
@pytest.mark.parametrize("cfg", [1.0, 3.0])
@pytest.mark.parametrize("first", ["nag", "apply"])
def test_nag_acts_and_keeps_instances_apart(
    editor: Editor, name: str, cfg: float, first: str
) -> None:
    model = MODELS[name][0]()
    latent = random_latent(model)
    results = []
    for word in ("a big dog", "a old man"):
        regions, positive, negative = encode(editor, name, model, word)
        bias = editor.bias(regions, idattn())
        plain = editor.apply(model, bias)
        both = nag(plain) if first == "apply" else editor.apply(nag(model), bias)
        results.append(sample(both, positive, negative, latent, cfg=cfg))
        without = sample(plain, positive, negative, latent, cfg=cfg)
        assert difference(results[-1], without) > 1e-3
    assert torch.equal(*map(first_cells, results))
    assert not torch.equal(*results)


@pytest.mark.parametrize("name", FLUX)
def test_nag_with_a_plain_negative_is_refused(editor: Editor, name: str) -> None:
    model = MODELS[name][0]()
    regions, positive, _ = encode(editor, name, model, "a big dog")
    [plain] = run_core("CLIPTextEncode", clip=MODELS[name][1](), text="blurry")
    plain = with_reference(name, model, plain)
    patched = nag(editor.apply(model, editor.bias(regions, idattn())))
    with pytest.raises(ValueError, match="Connect Multi-Prompt Encode's 'negative'"):
        sample(patched, positive, plain, random_latent(model))


@pytest.mark.parametrize("name", ["flux1", "flux2"])
def test_nag_works_with_the_zeroed_positive(editor: Editor, name: str) -> None:
    model = MODELS[name][0]()
    latent = random_latent(model)
    regions, positive, _ = encode(editor, name, model, "a big dog")
    [zero] = run_core("ConditioningZeroOut", conditioning=positive)
    patched = editor.apply(model, editor.bias(regions, idattn()))
    found = sample(nag(patched), positive, zero, latent)
    assert difference(found, sample(patched, positive, zero, latent)) > 1e-3
