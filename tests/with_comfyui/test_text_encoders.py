"""Every family's text encoder, as core builds it: what one prompt becomes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch

from instance_edit.host.keywords import instruction_tokens
from instance_edit.host.text import TextLength, keep_tokens
from instance_edit.tests.with_comfyui import tiny_clips
from instance_edit.tests.with_comfyui.comfyui import CLIP, text_encoder
from instance_edit.tests.with_comfyui.editing import Editor

Maker = Callable[[], CLIP]
MAKERS: dict[str, Maker] = {
    "longcat": tiny_clips.longcat_clip,
    "ovis": tiny_clips.ovis_clip,
    "chroma": tiny_clips.chroma_clip,
    **{
        name: partial(tiny_clips.qwen_clip, name)
        for name in ("krea2", "zimage", "boogu", "omnigen2")
        if text_encoder(tiny_clips.QWEN[name].module)
    },
}


@pytest.fixture(scope="module", params=list(MAKERS))
def clip(request: pytest.FixtureRequest) -> CLIP:
    return MAKERS[request.param]()


def kind(clip: CLIP) -> str:
    return type(clip.tokenizer).__name__


def core_features(clip: CLIP, prompt: str) -> tuple[torch.Tensor, int]:
    """What core's own node encodes, and how many of it are no padding."""
    [[text, extras]] = clip.encode_from_tokens_scheduled(clip.tokenize(prompt), show_pbar=False)
    mask = extras.get("attention_mask")
    if mask is not None:
        return text, int(mask.sum())
    real = (text[0] != 0).any(-1).nonzero()[:, 0]  # Ovis zeroes its padding
    return text, int(real[-1]) + 1


@pytest.mark.parametrize("prompt", ["a red cat", "turn the big dog by the window blue"])
def test_a_prompt_is_what_core_encodes_it_to_without_its_padding(clip, prompt) -> None:
    wanted, real = core_features(clip, prompt)
    found = keep_tokens(clip, prompt, TextLength())
    assert torch.equal(found.text, wanted[:, :real])
    assert found.start == 0
    assert 1 < real < 100


def test_longer_prompts_are_longer(clip) -> None:
    short, long = (
        keep_tokens(clip, text, TextLength()).text.shape[1] for text in ("a", "a b c d e f g")
    )
    assert short < long


def test_an_instruction_is_encoded_alone(clip, pack_nodes) -> None:
    editor = Editor(pack_nodes)
    [[text, extras]] = editor.encode(clip, editor.regions())
    spans = extras["model_conds"]["instance_edit"].cond
    own = keep_tokens(clip, "a big dog", TextLength()).text
    assert torch.equal(text[:, -spans.lengths[2] :], own)
    counted = extras.get("attention_mask")  # OmniGen2 and Boogu count their text by it
    assert counted is None or counted.sum() == text.shape[1]
    assert (counted is not None) == ("mnigen2" in kind(clip) or "Boogu" in kind(clip))


def test_a_fixed_length_keeps_the_words_first(clip) -> None:
    whole = keep_tokens(clip, "a red cat", TextLength()).text
    kept = keep_tokens(clip, "a red cat", TextLength("fixed", whole.shape[1] - 1)).text
    assert torch.equal(kept, whole[:, :-1])


def test_keywords_are_refused_where_the_template_is_cut_off() -> None:
    clip = MAKERS["longcat"]()
    length = keep_tokens(clip, "turn the car red", TextLength()).text.shape[1]
    assert list(instruction_tokens(clip, "turn the car red", "", length)) == list(range(length))
    with pytest.raises(ValueError, match="Leave the keywords empty"):
        instruction_tokens(clip, "turn the [car] red", "", length)
