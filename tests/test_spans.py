"""PromptSpans: the layout of a real model call from what travelled with the conditioning."""

import pytest

from instance_edit.prompts.spans import Added, PromptSpans, find_appended, text_layout, text_order

SPANS = PromptSpans((2, 3, 4), ("a", "b"))


def test_a_text_as_it_was_encoded_holds_nothing_beside_its_prompts() -> None:
    assert find_appended(SPANS, 9) == Added()
    layout = text_layout(SPANS, (4, 4), [(2, 2)], Added())
    assert (layout.text_lengths, layout.latent_grid) == ((2, 3, 4), (4, 4))
    assert layout.reference_grids == ((2, 2),)


def test_padding_on_the_left_belongs_to_the_global_prompt() -> None:
    added = find_appended(SPANS, 512, padded_to=512)
    assert added == Added(front=503)
    assert text_layout(SPANS, (4, 4), [], added).text_lengths == (505, 3, 4)


def test_text_longer_than_the_padding_is_not_padded() -> None:
    assert find_appended(PromptSpans((300, 300), ("a",)), 600, padded_to=512) == Added()


@pytest.mark.parametrize("more", [1, 9, 18])
def test_appended_tokens_join_the_global_prompt_also_a_multiple_of_the_prompts(more: int) -> None:
    added = find_appended(SPANS, 9 + more)
    assert added == Added(behind=more)
    layout = text_layout(SPANS, (4, 4), [], added)
    assert layout.text_lengths == (2 + more, 3, 4)
    order = text_order(layout, added)
    assert order[:2] == (0, 1)
    assert order[2:9] == tuple(range(2 + more, 9 + more))
    assert order[9:] == tuple(range(2, 2 + more))


def test_text_in_front_and_behind_is_the_global_prompts() -> None:
    added = Added(front=2, behind=1)
    layout = text_layout(SPANS, (4, 4), [], added)
    assert layout.text_lengths == (5, 3, 4)
    assert text_order(layout, added) == (0, 1, 2, 3, *range(5, 12), 4)


@pytest.mark.parametrize("tokens", [8, 0])
def test_a_text_that_is_too_short_is_refused(tokens: int) -> None:
    with pytest.raises(ValueError, match="another node cut the text"):
        find_appended(SPANS, tokens)


def test_each_prompt_keeps_the_positions_that_it_has_alone() -> None:
    spans = PromptSpans((4, 2, 3), ("a", "b"), filling=1, starts=(0, 0, 2))
    assert spans.positions(10) == (0, 1, 2, 3, 0, 1, 2, 3, 4, 9)
    assert spans.positions(12) == (0, 1, 2, 3, 0, 1, 2, 3, 4, 9, 4, 5)


def test_without_starts_the_positions_run_on() -> None:
    assert SPANS.positions(11) == tuple(range(11))


def test_a_prompt_stands_behind_those_before_it() -> None:
    assert [SPANS.place(n) for n in range(3)] == [slice(0, 2), slice(2, 5), slice(5, 9)]
