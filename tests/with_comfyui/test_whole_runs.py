"""Locators and adaptive attention need every model call whole, also without instance attention."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from instance_edit.attention.capture import text_attention, token_weights
from instance_edit.host.capture import Capture, attach_reading, capture_attention
from instance_edit.host.foi_locate import word_reading
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_conditioning,
    random_latent,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor
from instance_edit.tests.with_comfyui.foreign_forwards import past_the_wrappers
from instance_edit.tests.with_comfyui.locating import (
    locate_by_contrast,
    locate_instances,
    locate_instruction,
    spans_for,
)
from instance_edit.tests.with_comfyui.sessions import ON, Session
from instance_edit.tests.with_comfyui.test_capture import watched
from instance_edit.tests.with_comfyui.test_parts import calling, one_by_one, strips, tiles

LARGE = 16


def adapted(
    nodes: dict[str, type],
    model: ModelPatcher,
    latent: dict[str, Tensor],
    words: Conditioning | None = None,
) -> Tensor:
    """What Dual-LQR Sampler makes of a latent with adaptive attention."""
    session = Session(nodes, model)
    sampler = session.lqr(session.memory(latent), ON)
    return session.run(sampler, words or spans_for(model), latent)["samples"]


@pytest.fixture(params=["flux1", "flux2"])
def model(request) -> ModelPatcher:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["IID", "FoI", "contrast", "adaptive"])
def run(request, pack_nodes, tiny_clip_flux1) -> Callable[[ModelPatcher], Tensor]:
    """A locator's masks, or what adaptive attention samples, at a size that can be tiled."""

    def located(locate: Callable[..., tuple[Tensor, ...]], *clip: object):
        return lambda model: locate(
            pack_nodes, model, *clip, latent=random_latent(model, LARGE, LARGE)
        )[0]

    return {
        "IID": located(locate_instances),
        "FoI": located(locate_instruction, tiny_clip_flux1),
        "contrast": located(locate_by_contrast),
        "adaptive": lambda model: adapted(
            pack_nodes, model, random_latent(model, LARGE, LARGE), random_conditioning(model)
        ),
    }[request.param]


NEEDS = r"^(Locate |adaptive attention).* needs the whole picture in one model call"


@pytest.mark.parametrize("pieces", [tiles, strips])
def test_tiles_are_refused_by_the_nodes_name(model, run, pieces) -> None:
    with pytest.raises(ValueError, match=NEEDS):
        run(calling(model, pieces))


def test_a_call_past_the_wrappers_is_refused_by_who_makes_it(flux1, run) -> None:
    with pytest.raises(ValueError, match=r"past_the_wrappers.*past ComfyUI's wrappers.*nor read"):
        run(past_the_wrappers(flux1))


@pytest.mark.parametrize("kind", ["IID", "contrast", "adaptive"])
def test_a_batch_that_is_taken_apart_is_refused(pack_nodes, flux1, kind) -> None:
    """IID runs branches together, velocity contrast conditionings, an edit several pictures."""
    apart = calling(flux1, one_by_one)
    runs = {
        "IID": lambda: locate_instances(pack_nodes, apart, branches_at_once=3),
        "contrast": lambda: locate_by_contrast(pack_nodes, apart, conditioning=spans_for(flux1)),
        "adaptive": lambda: adapted(pack_nodes, apart, random_latent(flux1, batch=2)),
    }
    with pytest.raises(
        ValueError, match=r"needs all \d pictures of a batch in one model call, but"
    ):
        runs[kind]()


def appended(conditioning: Conditioning, tokens: int = 5) -> Conditioning:
    """As Conditioning Concat appends the text of another."""
    [[text, extras]] = conditioning
    more = torch.randn(1, tokens, text.shape[-1], generator=torch.Generator().manual_seed(4))
    return [[torch.cat([text, more], 1), extras]]


def test_keywords_are_read_where_they_stand_before_appended_text(model) -> None:
    """FLUX.2's text is padded on its left, so that appended tokens move all others."""
    conditioning, seen = appended(spans_for(model)), []
    reading = attach_reading(conditioning, word_reading(conditioning, [[0], [1, 2], [2]]))
    capture = Capture({0}, {0})
    patched = capture_attention(watched(model, seen), capture)
    sample(patched, reading, reading, random_latent(model), steps=1)
    _, _, q, k, _ = seen[0]
    grid = 8 // model.get_model_object("diffusion_model").patch_size
    text = k.shape[2] - grid * grid
    front = text - 14 - 5
    for n, words in enumerate([[4], [8, 9], [13]]):
        weights = token_weights([[front + word for word in words]], text)[None]
        expected = text_attention(q, k, slice(text, text + grid * grid), weights)
        found = capture.mean()[0, :, n].flatten(1)
        torch.testing.assert_close(found, expected[0, :, 0], atol=1e-6, rtol=1e-5)


def test_adaptive_attention_knows_the_words_before_appended_text(pack_nodes, model) -> None:
    """With instance attention, which is off at all steps, it sees the same."""
    editor = Editor(pack_nodes)
    regions = editor.regions(("a red cat", "a big dog", "a blue hat"), torch.eye(3)[:, None])
    off = editor.apply(model, editor.bias(regions, end=1e-6))
    words = appended(spans_for(model))

    def turn(patched: ModelPatcher, conditioning: Conditioning = words) -> Tensor:
        return adapted(pack_nodes, patched, random_latent(model), conditioning)

    assert torch.equal(turn(model), turn(off))
    assert not torch.equal(turn(model), turn(model, spans_for(model)))
