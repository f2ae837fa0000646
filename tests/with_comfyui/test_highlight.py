"""The seam of adaptive attention: what the override does to one attention call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.attention.lqr_highlight import Highlight
from instance_edit.host.call import KEY, WRAPPER, ModelCall
from instance_edit.host.families import find_family
from instance_edit.host.lqr_highlight import (
    Learned,
    call_chunks,
    edit_keys,
    highlight_edits,
    highlight_override,
)
from instance_edit.prompts.spans import PromptSpans
from instance_edit.tests.with_comfyui.comfyui import attention_pytorch
from instance_edit.tests.with_comfyui.core import random_latent
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.sessions import ON, Session

TEXT, L, REFERENCE, HEADS, D = 6, 16, 16, 2, 32
Z = TEXT + L + REFERENCE
LATENTS = slice(TEXT, TEXT + L)
KEYS = torch.tensor([False, False, True, True, True, False] + [False] * (L + REFERENCE))
OPTIONS = {
    "block_type": "double",
    "block_index": 7,
    "uuids": ["edit", "negative"],
    "cond_or_uncond": [0, 1],
}


def random(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def double_block(options: Mapping[str, Any]) -> int | None:
    return options.get("block_index") if options.get("block_type") == "double" else None


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    return attention_pytorch(q, k, v, HEADS, mask=mask, skip_reshape=True, transformer_options={})


@pytest.mark.parametrize("masked", [False, True])
def test_the_positive_prompts_half_gets_the_bias_and_the_negative_half_nothing(masked) -> None:
    q, k, v = (random(seed, 2, HEADS, Z, D) for seed in range(3))
    mask = random(3, 1, 1, Z, Z) if masked else None
    region = random(4, 1, L) > 0
    maps: dict[object, dict[int, Tensor]] = {}
    seen, factors = call_chunks(OPTIONS, Learned(Highlight(), 0, maps, {"edit": region}))
    override = highlight_override(None, double_block, lambda: (KEYS, LATENTS), seen, factors)
    out = override(
        attention_pytorch, q, k, v, HEADS, mask=mask, skip_reshape=True, transformer_options=OPTIONS
    )
    base = torch.zeros(1, 1, Z, Z) if mask is None else mask
    bias = torch.zeros(Z, Z)
    for i in range(L):
        for j in range(Z):
            if KEYS[j]:
                bias[TEXT + i, j] = math.log(2.0 if region[0, i] else 0.8)
    torch.testing.assert_close(out[:1], attend(q[:1], k[:1], v[:1], base + bias))
    torch.testing.assert_close(out[1:], attend(q[1:], k[1:], v[1:], base))
    assert list(maps) == ["edit"]
    weights = (q[:1] @ k[:1].transpose(-1, -2) / math.sqrt(D) + base).softmax(-1)
    expected = weights[:, :, LATENTS][..., KEYS].sum(-1).mean(1)
    torch.testing.assert_close(maps["edit"][7], expected)


def test_as_published_the_words_weights_are_multiplied_after_the_softmax() -> None:
    q, k, v = (random(seed, 2, HEADS, Z, D) for seed in range(3))
    region = random(4, 1, L) > 0
    seen, factors = call_chunks(OPTIONS, Learned(Highlight(), 0, {}, {"edit": region}))
    override = highlight_override(None, double_block, lambda: (KEYS, LATENTS), seen, factors, False)
    out = override(
        attention_pytorch, q, k, v, HEADS, skip_reshape=True, transformer_options=OPTIONS
    )
    weights = (q @ k.transpose(-1, -2) / math.sqrt(D)).softmax(-1)
    for i in range(L):
        for j in range(Z):
            if KEYS[j]:
                weights[0, :, TEXT + i, j] *= 2.0 if region[0, i] else 0.8
    expected = (weights @ v).transpose(1, 2).flatten(2)
    torch.testing.assert_close(out, expected)


def test_single_blocks_and_probes_are_left_alone() -> None:
    q, k, v = (random(seed, 2, HEADS, Z, D) for seed in range(3))
    maps: dict[object, dict[int, Tensor]] = {}
    region = torch.ones(1, L, dtype=torch.bool)
    seen, factors = call_chunks(OPTIONS, Learned(Highlight(), 0, maps, {"edit": region}))
    override = highlight_override(None, double_block, lambda: (KEYS, LATENTS), seen, factors)
    for options in ({}, {**OPTIONS, "block_type": "single"}):
        out = override(
            attention_pytorch, q, k, v, HEADS, skip_reshape=True, transformer_options=options
        )
        assert torch.equal(out, attend(q, k, v, None))
    assert maps == {"edit": {}}


def test_another_packs_override_still_sees_every_call() -> None:
    q, k, v = (random(seed, 1, HEADS, Z, D) for seed in range(3))
    calls: list[int] = []

    def previous(func, q, *args, **kwargs):
        calls.append(q.shape[2])
        return func(q, *args, **kwargs)

    options = {**OPTIONS, "uuids": ["edit"], "cond_or_uncond": [0]}
    region = random(4, 1, L) > 0
    seen, factors = call_chunks(options, Learned(Highlight(), 0, {}, {"edit": region}))
    override = highlight_override(previous, double_block, lambda: (KEYS, LATENTS), seen, factors)
    override(attention_pytorch, q, k, v, HEADS, skip_reshape=True, transformer_options=options)
    assert calls == [Z, L]


@pytest.mark.parametrize("name", ["flux1", "flux2"])
def test_the_edits_words_are_the_instances_or_else_the_whole_prompt(name, request) -> None:
    flux = request.getfixturevalue(name).model.diffusion_model
    family = find_family(flux)
    padding = 502 if name == "flux2" else 0
    x = torch.zeros(1, 16, 8, 12) if name == "flux1" else torch.zeros(1, 128, 4, 6)
    context = torch.zeros(1, padding + 10, 64)
    spans = PromptSpans((4, 3, 3), ("a cat", "a dog"))
    extras = {KEY: ((spans,),), "ref_latents": [x]}
    call = ModelCall(flux, x, context, extras, torch.ones(1), {})
    keys, latents = edit_keys(family, call)
    assert keys.nonzero().flatten().tolist() == list(range(padding + 4, padding + 10))
    assert (latents, keys.shape) == (slice(padding + 10, padding + 34), (padding + 58,))
    keys, _ = edit_keys(family, call, lambda spans: [(1, 2), (0,)])
    assert keys.nonzero().flatten().tolist() == [padding + 5, padding + 6, padding + 7]
    keys, latents = edit_keys(family, replace(call, extras={}))
    assert keys.nonzero().flatten().tolist() == list(range(padding + 10))
    assert latents == slice(padding + 10, padding + 34)


def test_adaptive_attention_may_look_at_keywords_alone(
    flux1_deep, tiny_clip_flux1, pack_nodes
) -> None:
    session, editor = Session(pack_nodes, flux1_deep), Editor(pack_nodes)
    regions = editor.regions(["replace the [cat] with a fox", "a [dog]"])
    edit = editor.encode(tiny_clip_flux1, regions)
    start, memory = random_latent(flux1_deep), session.memory(random_latent(flux1_deep, seed=3))

    def run(keywords: str = "", **options: Any) -> Tensor:
        sampler = session.lqr(memory, {**ON, "keywords": keywords}, **options)
        return session.run(sampler, edit, start)["samples"]

    marked = run(clip=tiny_clip_flux1)
    assert torch.equal(marked, run("cat\ndog", clip=tiny_clip_flux1))
    for other in (run(), run("fox\ndog", clip=tiny_clip_flux1)):
        assert not torch.equal(marked, other)
    with pytest.raises(ValueError, match="connect 'clip'"):
        run("cat\ndog")


def test_switched_off_it_hands_the_options_on_untouched() -> None:
    options = {"transformer_options": {"wrappers": {}}}
    assert highlight_edits(options, None)[0] is options


def test_a_model_that_is_no_flux_is_refused() -> None:
    options, _ = highlight_edits({}, Highlight(first_step=2))
    [[forward]] = options["transformer_options"]["wrappers"][WRAPPER].values()
    executor = SimpleNamespace(
        class_obj=SimpleNamespace(diffusion_model=torch.nn.Identity(), model_sampling=None)
    )
    x = torch.zeros(1, 16, 8, 8)
    with pytest.raises(
        ValueError, match="adaptive attention .* needs a FLUX model .* got .*Identit"
    ):
        forward(executor, x, torch.ones(1), None, torch.zeros(1, 4, 8), None, {})
