"""PromptSpans: the layout of a real model call from what travelled with the conditioning."""

import pytest

from instance_edit.prompts.spans import PromptSpans

SPANS = PromptSpans((2, 3, 4), ("a", "b"))


def test_the_layout_follows_the_call() -> None:
    layout, repeats = SPANS.layout(9, (4, 4), [(2, 2)])
    assert (layout.text_lengths, layout.latent_grid) == ((2, 3, 4), (4, 4))
    assert layout.reference_grids == ((2, 2),)
    assert repeats == 1


def test_padding_on_the_left_belongs_to_the_global_prompt() -> None:
    layout, repeats = SPANS.layout(512, (4, 4), [], padded_to=512)
    assert layout.text_lengths == (505, 3, 4)
    assert repeats == 1


def test_text_longer_than_the_padding_is_not_padded() -> None:
    layout, _ = PromptSpans((300, 300), ("a",)).layout(600, (4, 4), [], padded_to=512)
    assert layout.text_lengths == (300, 300)


def test_repeated_text_is_recognised() -> None:
    layout, repeats = SPANS.layout(27, (4, 4), [])
    assert layout.text_lengths == (2, 3, 4)
    assert repeats == 3


@pytest.mark.parametrize("tokens", [8, 10, 0])
def test_text_that_another_node_changed_is_refused(tokens: int) -> None:
    with pytest.raises(ValueError, match="another node changed the text"):
        SPANS.layout(tokens, (4, 4), [])
