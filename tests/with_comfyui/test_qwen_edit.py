"""Qwen-Image-Edit: pictures in the text, references in every way, one region as core's own edit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from instance_edit.tests.with_comfyui import tiny_clips
from instance_edit.tests.with_comfyui.comfyui import CLIP, ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    Conditioning,
    random_latent,
    reference,
    run_core,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.test_as_core import difference
from instance_edit.tests.with_comfyui.test_instance_attention import change_prompt, spans_for
from instance_edit.tests.with_comfyui.tiny_families import EDITING, FAMILIES, METHODS

WORDS, NEIGHBOUR = "turn the car red", "a big dog"
LONG = "a very big and very old blue dog by the window"


@pytest.fixture(scope="module")
def clip() -> CLIP:
    return tiny_clips.qwen_clip("qwen")


@pytest.fixture(scope="module")
def model() -> ModelPatcher:
    return FAMILIES["qwen2511"][1]()


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


def picture(seed: int, height: int = 56, width: int = 84) -> torch.Tensor:
    return torch.rand((1, height, width, 3), generator=torch.Generator().manual_seed(seed))


SCENE, SUBJECT = picture(1), picture(2, 84, 56)


def plus(clip: CLIP, text: str, *images: torch.Tensor) -> Conditioning:
    """What core's own node for edits makes of a prompt and pictures."""
    seen = {f"image{n}": image for n, image in enumerate(images, start=1)}
    return run_core("TextEncodeQwenImageEditPlus", clip=clip, prompt=text, **seen)[0]


def parts(conditioning: Conditioning) -> tuple[torch.Tensor, ...]:
    """The features of each prompt, the global one first."""
    [[text, extras]] = conditioning
    spans = extras["model_conds"]["instance_edit"].cond
    return text.split((*spans.lengths, spans.filling), dim=1)[:-1]


def starts(conditioning: Conditioning) -> tuple[int, ...]:
    return conditioning[0][1]["model_conds"]["instance_edit"].cond.starts


def owning(editor: Editor, words: tuple[str, ...] = (WORDS, NEIGHBOUR)) -> tuple[Any, ...]:
    """Regions of which the second owns the second reference."""
    first, second = editor.regions(words)
    return first, replace(second, reference=1)


def test_the_global_prompt_is_what_cores_node_made_pictures_and_all(editor, clip) -> None:
    base = reference(plus(clip, "keep the room", SCENE), {"samples": torch.zeros(1, 16, 1, 8, 8)})
    made = editor.encode_all(clip, editor.regions(), "", conditioning=base)[0]
    assert torch.equal(parts(made)[0], base[0][0])
    assert len(made[0][1]["reference_latents"]) == 1


@pytest.mark.parametrize("negative", [False, True])
def test_grounded_words_have_seen_the_picture_and_stand_where_they_stood(
    editor, clip, negative
) -> None:
    options = {"grounding": "grounded", "image1": SCENE, "negative": "blurry"}
    made = editor.encode_all(clip, editor.regions([WORDS, NEIGHBOUR]), "", **options)[negative]
    whole = plus(clip, "blurry" if negative else WORDS, SCENE)[0][0]
    own = parts(made)[1]
    assert torch.equal(own, whole[:, -own.shape[1] :])
    assert starts(made)[1] == starts(made)[2] == whole.shape[1] - own.shape[1]
    alone = plus(clip, "blurry" if negative else WORDS)[0][0]
    assert own.shape == alone.shape and difference(own, alone) > 1e-2
    scene = plus(clip, "blurry" if negative else "", SCENE)[0][0]
    assert torch.equal(parts(made)[0], scene)


def test_text_only_words_are_those_of_the_edit_template_and_begin_at_once(editor, clip) -> None:
    made = editor.encode_all(clip, editor.regions([WORDS, NEIGHBOUR]), "", image1=SCENE)[0]
    assert torch.equal(parts(made)[1], plus(clip, WORDS)[0][0])
    assert starts(made) == (0, 0, 0)


@pytest.mark.parametrize("grounding", ["grounded", "text only"])
def test_an_owned_pictures_vision_tokens_are_its_owners(editor, clip, grounding) -> None:
    """Also where core's node was given it: they go from the global prompt to the owner's."""
    regions = owning(editor)
    base = plus(clip, "keep the room", SCENE, SUBJECT)
    seen = {"image1": SCENE, "image2": SUBJECT, "grounding": grounding, "conditioning": base}
    for made in editor.encode_all(clip, regions, "", **seen)[:2]:
        world, first, second = parts(made)
        scene = plus(clip, "", SCENE)[0][0].shape[1] - plus(clip, "")[0][0].shape[1]
        subject = base[0][0].shape[1] - plus(clip, "keep the room", SCENE)[0][0].shape[1]
        assert second.shape[1] > subject > 3 and first.shape[1] < 15
        assert scene < world.shape[1] < scene + 15
    changed = editor.encode_all(clip, regions, "", **{**seen, "image2": SUBJECT.flip(1)})[0]
    made = editor.encode_all(clip, regions, "", **seen)[0]
    assert torch.equal(parts(changed)[1], parts(made)[1])
    assert not torch.equal(parts(changed)[2], parts(made)[2])


@pytest.mark.parametrize("cfg", [1.0, 3.0])
@pytest.mark.parametrize("images", [(), (SCENE,)])
def test_one_region_over_the_whole_picture_is_cores_own_edit(
    editor, clip, model, images, cfg
) -> None:
    latent, source = random_latent(model), random_latent(model, seed=5)
    stock, against = (reference(plus(clip, text, *images), source) for text in (WORDS, "blurry"))
    wanted = sample(model, stock, against, latent, cfg=cfg)
    seen = {"grounding": "grounded", "image1": SCENE} if images else {}
    regions = editor.regions([WORDS], torch.ones(1, 64, 64))
    made = editor.encode_all(
        clip, regions, "", kind="as core", conditioning=stock, negative="blurry", **seen
    )
    patched = editor.apply(model, editor.bias(regions, idattn()))
    found = sample(patched, made[0], made[1], latent, cfg=cfg)
    assert difference(found, wanted) < 1e-5
    other = reference(plus(clip, "a big dog", *images), source)
    assert difference(sample(model, other, against, latent, cfg=cfg), wanted) > 1e-3


@pytest.mark.parametrize("grounding", ["grounded", "text only"])
def test_a_longer_neighbour_moves_nobody(editor, clip, model, grounding) -> None:
    latent, results = random_latent(model), []
    for words in (NEIGHBOUR, LONG):
        regions = editor.regions([WORDS, words])
        made = editor.encode_all(clip, regions, "", grounding=grounding, image1=SCENE)
        patched = editor.apply(model, editor.bias(regions, idattn()))
        positive = reference(made[0], random_latent(model, seed=5))
        results.append(sample(patched, positive, positive, latent)[..., :4, :4])
    assert difference(*results) < 1e-5


WAYS = ("index", "index_timestep_zero", "offset", None)
CASES = [
    (name, count, method)
    for name in ("qwen", "qwenlayered")
    for count in (0, 1, 2)
    for method in (WAYS if count == 2 else (None,))
]


@pytest.mark.parametrize(("name", "count", "method"), CASES)
def test_instances_are_apart_bit_for_bit_in_every_configuration(
    editor, clip, name, count, method
) -> None:
    """With CFG 3, an odd size, and a picture of its own for the second instance."""
    model, results = FAMILIES[name][1](), []
    latent = random_latent(model, 17, 13)
    for words, subject, seed in ((NEIGHBOUR, SUBJECT, 6), (LONG[:9], SUBJECT.flip(1), 7)):
        regions = owning(editor, (WORDS, words)) if count == 2 else editor.regions([WORDS, words])
        seen = {"grounding": "grounded", "image1": SCENE}
        seen |= {"image2": subject} if count == 2 else {}
        made = editor.encode_all(clip, regions, "keep it", negative="blurry", **seen)
        sources = [random_latent(model, 12, 9, seed=5), random_latent(model, 7, 10, seed=seed)]
        positive, negative = (reference(one, *sources[:count], method=method) for one in made[:2])
        patched = editor.apply(model, editor.bias(regions, idattn()))
        results.append(sample(patched, positive, negative, latent, cfg=3.0))
    assert torch.equal(*(result[..., :8, :6] for result in results))
    assert not torch.equal(*results)


@pytest.mark.parametrize("name", ["qwenlayered", "wan"])
def test_every_layer_of_a_latent_has_the_regions(editor, name) -> None:
    """As Qwen-Image-Layered samples a picture and its layers together, and Wan a video."""
    model = FAMILIES[name][1]()
    regions = editor.regions()
    patched = editor.apply(model, editor.bias(regions, idattn()))
    latent = {"samples": torch.randn((1, 16, 3, 8, 8), generator=torch.Generator().manual_seed(0))}
    conditioning = spans_for(model, regions)
    if name in EDITING:
        picture = random_latent(model, seed=5)
        conditioning = reference(conditioning, picture, method=METHODS.get(name))
    other = change_prompt(conditioning, 7, 10)
    one, two = (sample(patched, c, c, latent) for c in (conditioning, other))
    assert torch.equal(one[..., :4, :4], two[..., :4, :4])
    assert all(not torch.equal(one[:, :, layer], two[:, :, layer]) for layer in range(3))


def test_a_subclass_whose_attention_ignores_the_override_is_refused_at_its_first_call(
    editor,
) -> None:
    """As Nunchaku's class of this model, which hands no options to its attention."""
    model = FAMILIES["qwen"][1]()
    network = model.model.diffusion_model
    own = type(network.transformer_blocks[0].attn)

    def forward(self: Any, *args: Any, transformer_options: Any = None, **rest: Any) -> Any:
        return own.forward(self, *args, transformer_options={}, **rest)

    for block in network.transformer_blocks:
        block.attn.__class__ = type("NunchakuAttention", (own,), {"forward": forward})
    network.__class__ = type("NunchakuQwenImage", (type(network),), {})
    regions = editor.regions()
    patched = editor.apply(model, editor.bias(regions))
    conditioning = spans_for(model, regions)
    with pytest.raises(ValueError, match=r"block\(s\) of .*NunchakuQwenImage"):
        sample(patched, conditioning, conditioning, random_latent(model))


def test_pictures_for_an_encoder_that_reads_none_are_refused(editor, tiny_clip_flux1) -> None:
    with pytest.raises(ValueError, match="does not read pictures"):
        editor.encode_all(tiny_clip_flux1, editor.regions(), image1=SCENE)


def test_grounding_without_a_picture_is_refused(editor, clip) -> None:
    with pytest.raises(ValueError, match="connect image1"):
        editor.encode_all(clip, editor.regions(), grounding="grounded")
