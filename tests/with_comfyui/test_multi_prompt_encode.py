"""Multi-Prompt Encode with core's real tokenizers and their different paddings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from instance_edit.prompts.spans import PromptSpans
from instance_edit.tests.with_comfyui.comfyui import CLIP, ModelPatcher, mmdit, ops, sd
from instance_edit.tests.with_comfyui.core import Conditioning, random_latent, run_core, sample
from instance_edit.tests.with_comfyui.editing import Editor

CLIPS = ["tiny_clip_flux1", "tiny_clip_klein", "tiny_clip_flux2_dev"]


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


@pytest.fixture(params=CLIPS)
def clip(request: pytest.FixtureRequest) -> CLIP:
    return request.getfixturevalue(request.param)


def spans_of(conditioning: Conditioning) -> PromptSpans:
    return conditioning[0][1]["model_conds"]["instance_edit"].cond


def core_encoding(clip: CLIP, prompt: str) -> tuple[torch.Tensor, dict[str, Any]]:
    """What core's CLIP Text Encode gives for a prompt: (1, padded tokens, width), extras."""
    [[text, extras]] = run_core("CLIPTextEncode", clip=clip, text=prompt)[0]
    return text, extras


def test_every_instruction_is_what_core_encodes_it_to_alone_without_padding(
    editor: Editor, clip: CLIP
) -> None:
    regions = editor.regions(["replace the cat with a fox", "hat"])
    conditioning = editor.encode(clip, regions, "a quiet room")
    spans, text = spans_of(conditioning), conditioning[0][0]
    assert sum(spans.lengths) == text.shape[1]
    world, *parts = text.split(spans.lengths, dim=1)
    for prompt, part in zip(spans.instructions, parts, strict=True):
        alone, _ = core_encoding(clip, prompt)
        assert torch.equal(part, alone[:, : part.shape[1]])
    assert spans.lengths[1] > spans.lengths[2]
    alone, _ = core_encoding(clip, "a quiet room")
    padding = world.shape[1] - alone.shape[1]  # FLUX.2 dev's, which core adds in the model
    assert padding in (0, 512 - alone.shape[1])
    assert torch.equal(world, torch.nn.functional.pad(alone, (0, 0, padding, 0)))


def test_cost_grows_with_the_words_not_with_the_padding(
    editor: Editor, tiny_clip_flux1: CLIP, tiny_clip_klein: CLIP
) -> None:
    regions = editor.regions(["a fox", "a hat"])
    flux1 = editor.encode(tiny_clip_flux1, regions)
    klein = editor.encode(tiny_clip_klein, regions)
    assert core_encoding(tiny_clip_flux1, "a fox")[0].shape[1] == 256
    assert core_encoding(tiny_clip_klein, "a fox")[0].shape[1] == 512
    assert 256 < flux1[0][0].shape[1] < 276
    assert 512 < klein[0][0].shape[1] < 552


@pytest.mark.parametrize("length", [3, 40, 200])
def test_a_fixed_length_is_kept_padding_included(editor: Editor, clip: CLIP, length: int) -> None:
    regions = editor.regions()
    conditioning = editor.encode(clip, regions, length=length)
    whole = {64: 256, 192: 512}[conditioning[0][0].shape[2]]  # FLUX.1's and FLUX.2's padding
    assert spans_of(conditioning).lengths == (whole, length, length)
    assert conditioning[0][0].shape[1] == whole + 2 * length


def test_the_pooled_vector_comes_from_the_global_prompt(
    editor: Editor, tiny_clip_flux1: CLIP
) -> None:
    conditioning = editor.encode(tiny_clip_flux1, editor.regions(), "a quiet room")
    _, extras = core_encoding(tiny_clip_flux1, "a quiet room")
    assert torch.equal(conditioning[0][1]["pooled_output"], extras["pooled_output"])


def test_an_empty_global_prompt_is_a_blank_one(editor: Editor, clip: CLIP) -> None:
    conditioning = editor.encode(clip, editor.regions(), "")
    assert spans_of(conditioning).lengths[0] >= 1
    assert torch.equal(conditioning[0][0], editor.encode(clip, editor.regions(), " ")[0][0])


def test_instructions_do_not_change_each_others_features(editor: Editor, clip: CLIP) -> None:
    one = editor.encode(clip, editor.regions(["a red cat", "a big dog"]))
    other = editor.encode(clip, editor.regions(["a red cat", "a very big blue dog"]))
    kept = sum(spans_of(one).lengths[:2])
    assert torch.equal(one[0][0][:, :kept], other[0][0][:, :kept])


@pytest.mark.parametrize("family", ["flux1", "flux2"])
def test_real_prompts_edit_from_end_to_end(
    editor: Editor, request: pytest.FixtureRequest, family: str
) -> None:
    model = request.getfixturevalue(family)
    clip = request.getfixturevalue("tiny_clip_flux1" if family == "flux1" else "tiny_clip_klein")
    regions = editor.regions()
    conditioning = editor.encode(clip, regions)
    patched = editor.apply(model, editor.bias(regions))
    latent = random_latent(model)
    out = sample(patched, conditioning, conditioning, latent)
    assert out.isfinite().all()
    assert not torch.equal(out, sample(model, conditioning, conditioning, latent))


def test_no_regions_are_refused(editor: Editor, tiny_clip_flux1: CLIP) -> None:
    with pytest.raises(ValueError, match="no regions"):
        editor.encode(tiny_clip_flux1, ())
    with pytest.raises(ValueError, match="no regions"):
        editor.bias(())


def test_a_missing_text_encoder_is_refused(editor: Editor) -> None:
    with pytest.raises(ValueError, match="clip is missing"):
        editor.encode(None, editor.regions())


def test_conditioning_for_other_regions_is_refused(
    editor: Editor, flux1: ModelPatcher, tiny_clip_flux1: CLIP
) -> None:
    regions, latent = editor.regions(), random_latent(flux1)
    patched = editor.apply(flux1, editor.bias(regions))
    others = editor.encode(tiny_clip_flux1, editor.regions(["a bird", "a fish"]))
    with pytest.raises(ValueError, match="Connect the same regions"):
        sample(patched, others, others, latent)


def test_area_conditioning_is_refused(
    editor: Editor, flux1: ModelPatcher, tiny_clip_flux1: CLIP
) -> None:
    regions = editor.regions()
    conditioning = editor.encode(tiny_clip_flux1, regions)
    patched = editor.apply(flux1, editor.bias(regions))
    inputs = {"width": 32, "height": 32, "x": 0, "y": 0, "strength": 1.0}
    [area] = run_core("ConditioningSetArea", conditioning=conditioning, **inputs)
    with pytest.raises(ValueError, match="whole picture"):
        sample(patched, area, area, random_latent(flux1))


def test_a_plain_prompt_may_be_combined_with_an_edit(
    editor: Editor, flux1: ModelPatcher, tiny_clip_flux1: CLIP
) -> None:
    regions = editor.regions()
    edit = editor.encode(tiny_clip_flux1, regions)
    plain = run_core("CLIPTextEncode", clip=tiny_clip_flux1, text="a room")[0]
    [both] = run_core("ConditioningCombine", conditioning_1=edit, conditioning_2=plain)
    patched = editor.apply(flux1, editor.bias(regions))
    assert sample(patched, both, both, random_latent(flux1)).isfinite().all()


class TestApplyRefuses:
    def test_a_model_that_is_not_flux(self, editor: Editor) -> None:
        model = sd.load_diffusion_model_state_dict(tiny_sd3())
        with pytest.raises(ValueError, match="Stable Diffusion 3 is not taken"):
            editor.apply(model, editor.bias(editor.regions()))

    def test_a_second_instance_attention_on_the_same_model(
        self, editor: Editor, flux1: ModelPatcher
    ) -> None:
        bias = editor.bias(editor.regions())
        with pytest.raises(ValueError, match="already has instance attention"):
            editor.apply(editor.apply(flux1, bias), bias)

    def test_a_block_schedule_of_a_deeper_model(self, editor: Editor, flux1: ModelPatcher) -> None:
        bias = editor.bias(editor.regions(), blocks="mice 40-50")
        with pytest.raises(ValueError, match="past the last of the model's 3 blocks"):
            editor.apply(flux1, bias)

    def test_an_owned_reference_that_is_not_there(
        self, editor: Editor, flux1: ModelPatcher, tiny_clip_flux1: CLIP
    ) -> None:
        first, second = editor.regions()
        regions = (first, replace(second, reference=1))
        conditioning = editor.encode(tiny_clip_flux1, regions)
        patched = editor.apply(flux1, editor.bias(regions))
        with pytest.raises(ValueError, match="owns reference image 2"):
            sample(patched, conditioning, conditioning, random_latent(flux1))


def tiny_sd3() -> dict[str, torch.Tensor]:
    """A small SD3-shaped state dict: a real model of another family."""
    model = mmdit.MMDiT(
        input_size=None,
        pos_embed_scaling_factor=None,
        pos_embed_offset=None,
        pos_embed_max_size=16,
        patch_size=2,
        in_channels=16,
        depth=2,
        adm_in_channels=32,
        context_embedder_config={
            "target": "torch.nn.Linear",
            "params": {"in_features": 64, "out_features": 128},
        },
        qk_norm=None,
        dtype=torch.float32,
        device="cpu",
        operations=ops.manual_cast,
    )
    return {key: torch.randn_like(value) for key, value in model.state_dict().items()}
