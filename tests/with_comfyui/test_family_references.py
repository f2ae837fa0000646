"""Reference images by family: what core would drop is refused, what it adds belongs to nobody."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from instance_edit.host.layout import expected_layout
from instance_edit.tests.with_comfyui import locating
from instance_edit.tests.with_comfyui.comfyui import set_values
from instance_edit.tests.with_comfyui.core import CONTEXT, random_latent, reference, sample
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.locating import locate_by_contrast
from instance_edit.tests.with_comfyui.test_instance_attention import change_prompt, spans_for
from instance_edit.tests.with_comfyui.tiny_families import EDITING, FAMILIES
from instance_edit.tools.model_shapes import TEXT_WIDTH


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


DROPPING = [name for name in ("chroma", "lumina2", "anima", "krea2") if name in FAMILIES]


@pytest.mark.parametrize("name", [name for name in DROPPING if name not in EDITING])
def test_reference_images_that_core_would_drop_are_refused(editor, pack_nodes, name) -> None:
    model = FAMILIES[name][1]()
    regions = editor.regions()
    conditioning = reference(spans_for(model, regions), random_latent(model))
    patched = editor.apply(model, editor.bias(regions))
    with pytest.raises(ValueError, match="does not look at reference images"):
        sample(patched, conditioning, conditioning, random_latent(model))
    with pytest.raises(ValueError, match="does not look at reference images"):
        locate_by_contrast(pack_nodes, model, conditioning=locating.spans_for(model, references=1))


def test_krea2_refuses_reference_images_unless_it_is_told_how(editor) -> None:
    """A ComfyUI before 0.30 cannot be told."""
    if "krea2" not in FAMILIES:
        return
    model = FAMILIES["krea2"][1]()
    regions = editor.regions()
    conditioning = reference(spans_for(model, regions), random_latent(model))
    patched = editor.apply(model, editor.bias(regions))
    told = "unless it is told how" if "krea2" in EDITING else "in this ComfyUI, which drops them"
    with pytest.raises(ValueError, match=told):
        sample(patched, conditioning, conditioning, random_latent(model))


def seen(rows: int, columns: int) -> SimpleNamespace:
    """What core's CLIP Vision Encode gives of a picture of so many SigLIP tokens."""
    features = torch.randn((1, rows * columns, 32), generator=torch.Generator().manual_seed(rows))
    return SimpleNamespace(image_sizes=[(3, 16 * rows, 16 * columns)], last_hidden_state=features)


@pytest.mark.parametrize("captions", [(), (5,), (5, 40), (5, 40, 7)])
@pytest.mark.parametrize("pictures", [(), ((3, 4),), ((3, 4), (2, 5))])
def test_captions_and_siglip_tokens_of_references_belong_to_nobody(
    editor, captions, pictures
) -> None:
    """As core's TextEncodeZImageOmni gives them: an instance reads none of another's words."""
    if "zimageomni" not in FAMILIES:
        return
    model = FAMILIES["zimageomni"][1]()
    regions = editor.regions()
    patched = editor.apply(model, editor.bias(regions, idattn()))
    latents = [random_latent(model, 8, 12, seed=5), random_latent(model, 6, 10, seed=6)]
    beside = {
        "reference_latents_text_embeds": [torch.ones(1, n, TEXT_WIDTH) for n in captions],
        "clip_vision_outputs": [seen(*size) for size in pictures],
    }
    given = set_values(reference(spans_for(model, regions), *latents), beside)
    other = change_prompt(given, 7, 10)
    latent = random_latent(model)
    one, two = (sample(patched, words, words, latent, steps=1) for words in (given, other))
    assert torch.equal(one[..., :4, :4], two[..., :4, :4])
    assert not torch.equal(one, two)


def test_a_preview_knows_the_pictures_that_bernini_conditioning_gives(editor) -> None:
    model = FAMILIES["wan"][1]()
    regions = editor.regions()
    latents = [random_latent(model, 8, 12), random_latent(model, 6, 10)]
    given = reference(spans_for(model, regions), *latents, method=CONTEXT)
    layout, _ = expected_layout(regions, None, given)
    assert layout.reference_grids == ((4, 6), (3, 5))
