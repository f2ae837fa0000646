"""What Multi-Prompt Encode says of words that the encoder does not get as they were written."""

from __future__ import annotations

import logging

import pytest
import torch

from instance_edit.host.core_nodes import run_node
from instance_edit.host.text_notes import unknown_words
from instance_edit.tests.with_comfyui.comfyui import CLIP
from instance_edit.tests.with_comfyui.editing import Editor


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


def report(editor: Editor, clip: CLIP, instructions: list[str], prompt: str = "a room") -> str:
    regions = editor.regions(instructions)
    conditioning = editor.encode(clip, regions, prompt)
    inputs = {"image": torch.zeros(1, 64, 64, 3), "token_grid": True}
    node = editor.nodes["InstanceEditPreviewRegions"]
    return run_node(node, regions=regions, conditioning=conditioning, **inputs)[1]


def test_words_that_t5_does_not_know_are_named_with_the_encoder(
    editor, tiny_clip_flux1, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="instance_edit"):
        said = report(editor, tiny_clip_flux1, ["把猫变成狗", "turn the 猫 red"], "房间")
    assert "Instance 1: the text encoder (t5xxl) does not know '把猫变成狗'" in said
    assert "Instance 2: the text encoder (t5xxl) does not know '猫'" in said
    assert "The global prompt: the text encoder (t5xxl) does not know '房间'" in said
    assert "No problems found" not in said
    assert "does not know '把猫变成狗'" in caplog.text


def test_known_words_are_not_named(editor, tiny_clip_flux1) -> None:
    said = report(editor, tiny_clip_flux1, ["mach die Katze grün", "rendre le café à l'hôtel bleu"])
    assert "does not know" not in said and "No problems found" in said


@pytest.mark.parametrize("name", ["tiny_clip_klein", "tiny_clip_flux2_dev"])
def test_encoders_of_bytes_know_every_word(name, request) -> None:
    clip = request.getfixturevalue(name)
    for text in ("把猫变成狗", "кот", "", "<|endoftext|>"):
        assert unknown_words(clip, text) == []


def test_brackets_that_the_encoder_does_not_get_are_said(editor, tiny_clip_flux1) -> None:
    said = report(editor, tiny_clip_flux1, ["change the sign to [SALE]", "a hat"])
    assert "Instance 1: [SALE] marks keywords for FoI; the brackets are not encoded" in said
    said = report(editor, tiny_clip_flux1, [r"change the sign to \[SALE\]", "a hat"])
    assert "No problems found" in said
