"""One region over the whole picture is core's own edit, and no prompt moves another one's words."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
import torch

from instance_edit.host.text import encode_prompt
from instance_edit.tests.pages import page
from instance_edit.tests.with_comfyui import tiny_clips, tiny_models
from instance_edit.tests.with_comfyui.comfyui import CLIP, ModelPatcher
from instance_edit.tests.with_comfyui.core import random_latent, reference, run_core, sample
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.tiny_families import (
    EDITING,
    FAMILIES,
    METHODS,
)

WORDS, NEIGHBOUR = "turn the car red", "a big dog"
HELP = "web/docs/InstanceEditMultiPromptEncode.md"
LONG = (
    "a very big and very old blue dog by the window of a small house with a green door and a red "
    "roof under tall trees beside the road to the next village and the river behind it"
)


def others() -> dict[str, tuple[Callable[[], ModelPatcher], Callable[[], CLIP]]]:
    """The families beside FLUX; Lumina 2's and Wan's tokenizers come with their weights alone."""
    made: dict[str, Callable[[], CLIP]] = {
        "krea2": cache(tiny_clips.fitting_krea2_clip),
        "lumina2": cache(partial(tiny_clips.qwen_clip, "zimage")),
        "wan": cache(tiny_clips.chroma_clip),
        "anima": cache(tiny_clips.anima_clip),
    }
    own = {name: cache(partial(tiny_clips.qwen_clip, name)) for name in tiny_clips.QWEN}
    clips = {**own, **made}
    return {name: (FAMILIES[name][1], clips[name]) for name in clips if name in FAMILIES}


def flux2_dev() -> ModelPatcher:
    return tiny_models.load_model(tiny_models.flux2_state_dict(guidance=True))


MODELS: dict[str, tuple[Callable[[], ModelPatcher], Callable[[], CLIP]]] = {
    "flux1": (FAMILIES["flux1"][1], cache(tiny_clips.flux1_clip)),
    "flux2": (FAMILIES["flux2"][1], cache(tiny_clips.klein_clip)),
    "flux2 dev": (flux2_dev, cache(tiny_clips.flux2_dev_clip)),
    "longcat": (FAMILIES["longcat"][1], cache(tiny_clips.fitting_longcat_clip)),
    "ovis": (FAMILIES["ovis"][1], cache(tiny_clips.ovis_clip)),
    "chroma": (FAMILIES["chroma"][1], cache(tiny_clips.chroma_clip)),
    **others(),
}
MOVED = ("lumina2", "zimage", "omnigen2", "boogu")
"""Where the picture stands behind all text, and core lets nobody set positions."""


@pytest.fixture(params=list(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


def with_reference(name: str, model: ModelPatcher, conditioning: Any) -> Any:
    if name.split()[0] not in EDITING:
        return conditioning
    return reference(conditioning, random_latent(model, seed=5), method=METHODS.get(name))


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Largest difference, relative to the largest value."""
    return float((one - other).abs().max() / other.abs().max())


def fixed_length(clip: CLIP) -> int:
    """A length that this encoder's text can have, beyond the template where that is kept."""
    given = encode_prompt(clip, "", 20).text.shape[1]  # the negative's
    return min(given, max(20, encode_prompt(clip, NEIGHBOUR).words[1]))


def test_the_help_says_where_the_texts_length_moves_the_picture() -> None:
    names = {"lumina2": "Lumina 2", "zimage": "Z-Image", "omnigen2": "OmniGen2", "boogu": "Boogu"}
    [said] = [part for part in page(HELP).split("\n\n") if "text's length moves" in part]
    assert set(names) == set(MOVED)
    assert all(name in said for name in names.values())
    told = {FAMILIES[name][0] for name in MODELS if name in FAMILIES and name not in MOVED}
    assert not any(name in said for name in told)
    assert "*fixed*" in said


@pytest.mark.parametrize("cfg", [1.0, 3.0])
def test_one_region_over_the_whole_picture_is_cores_own_edit(
    editor: Editor, name: str, cfg: float
) -> None:
    model, clip = (make() for make in MODELS[name])
    latent = random_latent(model)
    [stock] = run_core("CLIPTextEncode", clip=clip, text=WORDS)
    [against] = run_core("CLIPTextEncode", clip=clip, text="blurry")
    stock, against = (with_reference(name, model, one) for one in (stock, against))
    wanted = sample(model, stock, against, latent, cfg=cfg)

    regions = editor.regions([WORDS], torch.ones(1, 64, 64))
    outputs = editor.encode_all(clip, regions, WORDS, kind="as core", negative="blurry")
    ours, negative = (with_reference(name, model, one) for one in outputs[:2])
    patched = editor.apply(model, editor.bias(regions, idattn()))
    found = sample(patched, ours, negative, latent, cfg=cfg)
    if name in MOVED:
        assert cfg == 1 or difference(found, wanted) > 1e-3
        return
    assert difference(found, wanted) < 1e-5
    [other] = run_core("CLIPTextEncode", clip=clip, text="a big dog")
    other = with_reference(name, model, other)
    assert difference(sample(model, other, against, latent, cfg=cfg), wanted) > 1e-3


@pytest.mark.parametrize("kind", ["real tokens", "fixed", "as core"])
def test_a_longer_neighbour_moves_nobody(editor: Editor, name: str, kind: str) -> None:
    model, clip = (make() for make in MODELS[name])
    latent = random_latent(model)
    length = fixed_length(clip) if kind == "fixed" else None
    results, tokens = [], set()
    for neighbour in (NEIGHBOUR, LONG):
        regions = editor.regions([WORDS, neighbour])
        outputs = editor.encode_all(clip, regions, length=length, kind=kind)
        patched = editor.apply(model, editor.bias(regions, idattn()))
        conditioning = with_reference(name, model, outputs[0])
        tokens.add(conditioning[0][0].shape[1])
        results.append(sample(patched, conditioning, conditioning, latent))
    mine = [result[..., :4, :4] for result in results]
    assert (difference(*mine) < 1e-5) == (name not in MOVED or kind == "fixed")
    assert len(tokens) > 1 or torch.equal(*mine)
    assert difference(*results) > 1e-3


def test_running_positions_are_moved_by_a_longer_neighbour(editor: Editor) -> None:
    """As in the released code of MICE: selectable, and what the other kinds are for."""
    model, clip = (make() for make in MODELS["flux2"])
    latent = random_latent(model)
    results = []
    for neighbour in ("a big dog", "a very big and very old blue dog by the window"):
        regions = editor.regions([neighbour, WORDS])
        conditioning = editor.encode_all(clip, regions, kind="running positions")[0]
        patched = editor.apply(model, editor.bias(regions, idattn()))
        results.append(sample(patched, conditioning, conditioning, latent)[..., 4:, 4:])
    assert difference(*results) > 1e-2


@pytest.mark.parametrize("flux", ["flux1", "flux2", "flux2 dev"])
def test_shared_padding_acts_and_lets_nothing_through(editor: Editor, flux: str) -> None:
    model, clip = (make() for make in MODELS[flux])
    latent = random_latent(model)

    def run(word: str, **options: Any) -> torch.Tensor:
        regions = editor.regions([WORDS, word])
        conditioning = with_reference(flux, model, editor.encode(clip, regions))
        patched = editor.apply(model, editor.bias(regions, idattn(), **options))
        return sample(patched, conditioning, conditioning, latent)

    one, other = (run(word, share_padding=True) for word in ("a big dog", "a old man"))
    assert torch.equal(one[..., :4, :4], other[..., :4, :4])
    assert not torch.equal(one, other)
    assert difference(one[..., :4, :4], run("a big dog")[..., :4, :4]) > 1e-3


@pytest.mark.parametrize("name", ["flux2", "longcat"])
@pytest.mark.parametrize("first", ["compile", "apply"])
def test_compiled_models_get_the_positions_of_each_prompt(
    editor: Editor, name: str, first: str
) -> None:
    """Two sets of instructions of one length in all: the same graph, other positions."""
    model, clip = (make() for make in MODELS[name])
    latent = random_latent(model)
    torch._dynamo.reset()

    def compiled(model: ModelPatcher) -> ModelPatcher:
        return run_core("TorchCompileModel", model=model, backend="eager")[0]

    tokens = set()
    for words in ((WORDS, "a dog"), ("a dog", WORDS)):
        regions = editor.regions(words)
        conditioning = with_reference(name, model, editor.encode(clip, regions))
        tokens.add(conditioning[0][0].shape[1])
        bias = editor.bias(regions, idattn())
        plain = editor.apply(model, bias)
        both = compiled(plain) if first == "apply" else editor.apply(compiled(model), bias)
        wanted = sample(plain, conditioning, conditioning, latent)
        found = sample(both, conditioning, conditioning, latent)
        assert difference(found, wanted) < 1e-5
    assert len(tokens) == 1
