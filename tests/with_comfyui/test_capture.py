"""Captures on a real ComfyUI: what they read, and that nothing is left behind."""

from __future__ import annotations

import pytest
import torch

from instance_edit.attention.capture import text_attention, token_weights
from instance_edit.host.call import WRAPPER
from instance_edit.host.capture import (
    CAPTURE,
    Capture,
    TextReading,
    attach_reading,
    capture_attention,
    chosen_blocks,
)
from instance_edit.tests.with_comfyui.core import (
    random_conditioning,
    random_latent,
    reference,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.locating import spans_for

MODELS = ["flux1_deep", "flux1", "flux2_deep", "flux2"]
TWO = ("a red cat", "a big dog")


@pytest.fixture(params=MODELS)
def model(request):
    return request.getfixturevalue(request.param)


def depth(model) -> int:
    flux = model.get_model_object("diffusion_model")
    return len(flux.double_blocks) + len(flux.single_blocks)


def watched(model, seen):
    """The model with a foreign override that notes q, k and mask of every call."""
    patched = model.clone()

    def override(func, q, k, v, heads, mask=None, **kwargs):
        where = kwargs.get("transformer_options") or {}
        if "block_index" in where:
            single = where["block_type"] == "single"
            seen.append((where["block_index"], single, q.clone(), k.clone(), mask))
        return func(q, k, v, heads, mask=mask, **kwargs)

    options = patched.model_options["transformer_options"]
    options["optimized_attention_override"] = override
    return patched


def test_maps_are_the_attention_of_the_block(model):
    conditioning = reference(spans_for(model), random_latent(model, seed=5))
    seen: list = []
    capture = Capture({depth(model) - 2}, {0})
    run = capture_attention(watched(model, seen), capture)
    sample(run, conditioning, conditioning, random_latent(model), steps=1)
    calls = [(q, k) for _, _, q, k, _ in seen]
    q, k = calls[depth(model) - 2]
    grid = 8 // model.get_model_object("diffusion_model").patch_size
    text = k.shape[2] - 2 * grid * grid
    offset = text - 14  # what the host padded
    for n, (start, stop) in enumerate([(4, 7), (7, 11), (11, 14)]):
        weights = token_weights([range(start + offset, stop + offset)], text)[None]
        expected = text_attention(q, k, slice(text, text + grid * grid), weights)
        torch.testing.assert_close(
            capture.mean()[0, :, n].flatten(1), expected[0, :, 0], atol=1e-6, rtol=1e-5
        )


def test_capturing_changes_no_sample_and_not_the_model(model):
    conditioning, latent = spans_for(model), random_latent(model)
    plain = sample(model, conditioning, conditioning, latent)
    capture = Capture({0, 1}, {0, 1})
    captured = sample(capture_attention(model, capture), conditioning, conditioning, latent)
    assert torch.equal(captured, plain)
    assert set(capture.maps) == {(s, b) for s in (0, 1) for b in (0, 1)}
    assert CAPTURE not in model.wrappers.get(WRAPPER, {})
    assert "optimized_attention_override" not in model.model_options["transformer_options"]


def test_captures_coexist_and_read_the_same(model):
    conditioning, latent = spans_for(model), random_latent(model)
    one, two, three = Capture({0}, {0}), Capture({0, 1}, {0, 1}), Capture({1}, {1})
    run = capture_attention(capture_attention(model, one, two), three)
    sample(run, conditioning, conditioning, latent)
    alone = Capture({1}, {1})
    sample(capture_attention(model, alone), conditioning, conditioning, latent)
    assert torch.equal(one.maps[0, 0][0], two.maps[0, 0][0])
    assert torch.equal(two.maps[1, 1][0], alone.maps[1, 1][0])
    assert torch.equal(three.maps[1, 1][0], alone.maps[1, 1][0])


@pytest.mark.parametrize("before", [True, False])
def test_with_instance_attention_the_biased_attention_is_read(pack_nodes, model, before):
    editor = Editor(pack_nodes)
    regions = editor.regions(TWO)
    conditioning, latent = spans_for(model, (4, 3, 6), TWO), random_latent(model)
    capture = Capture({1}, {0})
    bias = editor.bias(regions)
    if before:
        run = editor.apply(capture_attention(model, capture), bias)
    else:
        run = capture_attention(editor.apply(model, bias), capture)
    wanted = sample(editor.apply(model, bias), conditioning, conditioning, latent)
    found = sample(run, conditioning, conditioning, latent)
    torch.testing.assert_close(found, wanted)
    maps = capture.mean()[0].mean(0)
    half = maps.shape[-1] // 2
    assert maps[0, :half, :half].amin() > 0
    assert maps[0, half:, half:].amax() < 1e-6 < maps[1, half:, half:].amin()


def test_an_interrupted_run_leaves_nothing(model):
    conditioning, latent = spans_for(model), random_latent(model)
    plain = sample(model, conditioning, conditioning, latent)

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run = capture_attention(model, Capture({0}, {0}))
        sample(run, conditioning, conditioning, latent, callback=stop)
    assert torch.equal(sample(model, conditioning, conditioning, latent), plain)
    assert not model.wrappers.get(WRAPPER)


def test_uncond_is_not_read_and_batches_are_averaged(model):
    conditioning, negative = spans_for(model), random_conditioning(model, seed=9)
    capture = Capture({0}, {0})
    latent = random_latent(model, batch=2)
    sample(capture_attention(model, capture), conditioning, negative, latent, steps=1, cfg=3.0)
    assert [len(calls) for calls in capture.maps.values()] == [1]
    assert capture.mean().shape[0] == 1


def test_a_batch_of_texts_gives_each_item_its_own_maps(model):
    conditioning = spans_for(model)
    [[text, extras]] = conditioning
    both = [[torch.cat([text, text.flip(1)]), {**extras, "model_conds": {}}]]
    reading = TextReading(text.shape[1], (((0, 1),), ((2, 3),)))
    capture = Capture({0}, {0})
    latent = random_latent(model)
    twice = {"samples": latent["samples"].repeat(2, 1, 1, 1)}
    run = capture_attention(model, capture)
    sample(run, attach_reading(both, reading), both, twice, steps=1)
    found = capture.mean()
    assert found.shape[0] == 2 and found.shape[2] == 1
    assert not torch.allclose(found[0], found[1])


def test_a_reference_image_can_be_read(model):
    conditioning = reference(spans_for(model), random_latent(model, 8, 12, seed=5))
    capture = Capture({0}, {0}, renormalise=True, reference=0)
    sample(capture_attention(model, capture), conditioning, conditioning, random_latent(model))
    patch = model.get_model_object("diffusion_model").patch_size
    assert capture.mean().shape[-2:] == (8 // patch, 12 // patch)


def test_a_patch_that_replaces_the_override_is_named(flux1_deep):
    def replacing(executor, *args, **kwargs):
        options = dict(args[-1])
        options["optimized_attention_override"] = lambda func, *a, **k: func(*a, **k)
        return executor(*args[:-1], options, **kwargs)

    patched = flux1_deep.clone()
    patched.add_wrapper_with_key(WRAPPER, "foreign", replacing)
    capture = Capture({0}, {0})
    conditioning = spans_for(patched)
    run = capture_attention(patched, capture)
    sample(run, conditioning, conditioning, random_latent(patched), steps=1)
    with pytest.raises(ValueError, match="no attention could be read"):
        capture.mean()


@pytest.mark.parametrize(
    ("text", "blocks"),
    [("", (7,)), ("3", (3,)), ("1-2, 8", (1, 2, 8)), ("50%-100%", (4, 5, 6, 7, 8))],
)
def test_blocks_are_named_by_number_or_share(text, blocks):
    assert chosen_blocks(9, text, -2) == blocks


def test_a_block_the_model_has_not_is_refused():
    with pytest.raises(ValueError, match="past the last of the model's 9 blocks"):
        chosen_blocks(9, "40", -2)
