"""The demo's words: a deterministic tokenizer and an encoder that ignores its padding."""

from __future__ import annotations

import torch

from instance_edit.demo.text import (
    END,
    INDEX,
    PAD,
    VOCABULARY,
    TextEncoder,
    left_out,
    pad_tokens,
    tokenize,
)


def words(text: str) -> list[str]:
    return [VOCABULARY[index] for index in tokenize(text)]


def test_words_are_lower_cased_and_end_with_end() -> None:
    assert words("Replace the Red circle") == ["replace", "the", "red", "circle", END]


def test_the_empty_prompt_is_the_end_alone() -> None:
    assert words("") == words("   ") == [END]


def test_synonyms_and_punctuation_fall_together() -> None:
    plain = tokenize("replace the ring at center with a red star and replace the cross with a cyan")
    other = tokenize("Change the ring in centre to a red star, swap the cross by a cyan")
    assert plain == other


def test_unknown_words_are_left_out() -> None:
    assert tokenize("please replace the lovely ring") == tokenize("replace the ring")


def test_padding_changes_no_feature_and_holds_zeros() -> None:
    torch.manual_seed(0)
    encoder = TextEncoder().eval()
    rows = [tokenize("replace the ring with a red star"), tokenize("")]
    with torch.no_grad():
        padded, alone = encoder(pad_tokens(rows, 20)), encoder(pad_tokens(rows[:1]))
    torch.testing.assert_close(padded[:1, : len(rows[0])], alone, rtol=1e-4, atol=1e-5)
    assert not padded[0, len(rows[0]) :].any() and not padded[1, 1:].any()
    assert INDEX[PAD] == 0


def test_words_that_the_miniature_leaves_out_are_named() -> None:
    assert left_out("Replace the red DOG, with a dog; in the middle") == ["dog"]
    assert left_out("turn the upper ring into a blue star") == []
