"""An exact oracle for where a family's tokens stand.

With attention switched off (it returns zeros), a change of one input token can only change that
token's own place in the keys of every later attention call. So tokens are changed one by one, and
the places that change are compared with those that the family names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from instance_edit.attention.tokens import TokenLayout
from instance_edit.host.attention_call import Heads, as_wanted, split_heads
from instance_edit.host.call import KEY, WRAPPER, around_model
from instance_edit.host.carrier import attach_spans, call_spans
from instance_edit.host.families import find_family
from instance_edit.host.here import HERE, Here, noting_calls
from instance_edit.host.sequence import TokenSequence, token_sequence
from instance_edit.prompts.spans import PromptSpans
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_conditioning,
    random_latent,
    reference,
    sample,
)

LENGTHS = (7, 4, 3)
TEXT = (0, 5, 7, 9, 11, 13)
Keys = dict[tuple[int, str], torch.Tensor]
"""By number of the call, and "keys" or "queries"."""


def sequences(
    model: ModelPatcher, conditioning: Conditioning, latent: dict[str, Any]
) -> list[TokenSequence]:
    """What the family says of the one model call of a step."""
    found: list[TokenSequence] = []

    @around_model
    def note(call, run):
        [(spans, _)] = call_spans(call)
        family = find_family(call.model)
        assert family is not None
        found.append(token_sequence(family, call, spans))
        return run(without=(KEY,))

    watched = model.clone()
    watched.add_wrapper_with_key(WRAPPER, KEY, note)
    sample(watched, conditioning, conditioning, latent, steps=1)
    return found


Attention = Callable[[int, Heads], torch.Tensor | None]
"""(number of the call, its tensors) -> (B, H, L, D), or None to leave the call as it is."""


@contextmanager
def attending(model: ModelPatcher, attention: Attention) -> Iterator[ModelPatcher]:
    """The model with another attention in every call that its family names."""
    diffusion = model.model.diffusion_model
    family = find_family(diffusion)
    assert family is not None
    here = Here()

    def override(func, q, k, v, heads, mask=None, **rest):
        options = {**rest["transformer_options"], HERE: here}
        number = family.where(diffusion, options)
        split = split_heads(q, k, v, heads, rest)
        every = split._replace(k=split.every_k(), v=split.every_v())
        out = None if number is None else attention(number, every)
        if out is None:
            return func(q, k, v, heads, mask=mask, **rest)
        return as_wanted(out.transpose(1, 2).flatten(2), heads, split.flat)

    changed = model.clone()
    changed.model_options["transformer_options"]["optimized_attention_override"] = override
    with noting_calls(family.blocks(diffusion) if family.hooked else (), here):
        yield changed


def keys_without_attention(
    model: ModelPatcher, conditioning: Conditioning, latent: dict[str, Any], late: bool = False
) -> Keys:
    """(L, H * D) keys and queries of every call while attention returns zeros.

    Args:
        late: at a low noise level, at which the latent itself can be seen under the noise.
    """
    keys: Keys = {}

    def zeros(number: int, split: Heads) -> torch.Tensor:
        assert (number, "keys") not in keys
        for name, one in (("keys", split.k), ("queries", split.q)):
            keys[number, name] = one[0].transpose(0, 1).flatten(1).clone()
        return torch.zeros_like(split.q)

    options: dict[str, Any] = {"steps": 1, "denoise": 0.3} if late else {"steps": 1}
    with attending(model, zeros) as off:
        sample(off, conditioning, conditioning, latent, **options)
    return keys


def wrong_places(
    model: ModelPatcher,
    size: tuple[int, int],
    references: list[tuple[int, int]],
    method: str | None = None,
) -> tuple[int, list[str]]:
    """How many (token, call) pairs were tested, and those in which another place changed.

    Args:
        method: how references are looked at, as core's node names it.
    """
    latent = random_latent(model, *size)
    given = [random_latent(model, *one, seed=3 + i) for i, one in enumerate(references)]
    text = attach_spans(random_conditioning(model, sum(LENGTHS)), PromptSpans(LENGTHS, ("a", "b")))
    conditioning = reference(text, *given, method=method)
    [sequence] = sequences(model, conditioning, latent)
    layout = sequence.layout
    tested, wrong = 0, []

    def compare(label: str, token: int, before: Keys, after: Keys) -> None:
        nonlocal tested
        assert {number for number, _ in before} == set(range(len(sequence.orders)))
        for (number, name), one in before.items():
            tested += 1
            changed = (one != after[number, name]).any(1).nonzero()[:, 0].tolist()
            queries = sequence.queries[number]
            order = sequence.orders[number] if name == "keys" or queries is None else queries
            expected = [i for i, t in enumerate(order) if t == token]
            if changed != expected:
                wrong.append(f"{label}, {name} {number}: {expected} expected, {changed} changed")

    plain = keys_without_attention(model, conditioning, latent)
    places = text_places(model, layout)
    for token in TEXT:
        changed = keys_without_attention(model, changed_text(conditioning, token), latent)
        compare(f"text token {token}", places[token], plain, changed)
    for r, one in enumerate(given):
        for row, column in corners(layout.reference_grids[r]):
            others = [changed_cell(model, one, row, column) if i == r else p
                      for i, p in enumerate(given)]  # fmt: skip
            keys = keys_without_attention(model, reference(text, *others, method=method), latent)
            token = layout.reference_span(r).start + row * layout.reference_grids[r][1] + column
            compare(f"reference {r} ({row}, {column})", token, plain, keys)
    late = keys_without_attention(model, conditioning, latent, late=True)
    for row, column in corners(layout.latent_grid):
        changed = changed_cell(model, latent, row, column)
        keys = keys_without_attention(model, conditioning, changed, late=True)
        token = layout.latent_span.start + row * layout.latent_grid[1] + column
        compare(f"latent ({row}, {column})", token, late, keys)
    return tested, wrong


def text_places(model: ModelPatcher, layout: TokenLayout) -> list[int]:
    """The canonical token of each text token as it was encoded."""
    diffusion = model.model.diffusion_model
    family = find_family(diffusion)
    assert family is not None
    front = max(0, family.padded_to(diffusion) - sum(LENGTHS))
    instances = range(layout.text_span(1).start, layout.text_total)
    return [*range(front, front + LENGTHS[0]), *instances]


def corners(grid: tuple[int, int]) -> list[tuple[int, int]]:
    """Tokens whose pixels no circular padding repeats, which odd sides are filled up with."""
    return [(1, 1), (grid[0] - 2, 1), (grid[0] // 2, grid[1] - 2)]


def changed_text(conditioning: Conditioning, token: int) -> Conditioning:
    [[text, extras]] = conditioning
    other = text.clone()
    other[:, token] += 1 + torch.randn(
        text.shape[-1], generator=torch.Generator().manual_seed(token)
    )
    return [[other, extras]]


def changed_cell(
    model: ModelPatcher, latent: dict[str, Any], row: int, column: int
) -> dict[str, Any]:
    """The latent with the pixels of one token changed."""
    diffusion = model.model.diffusion_model
    family = find_family(diffusion)
    assert family is not None
    patch = family.patch(diffusion)
    samples = latent["samples"].clone()
    y, x = row * patch, column * patch
    samples[..., y : y + patch, x : x + patch] += 2.0
    return {**latent, "samples": samples}
