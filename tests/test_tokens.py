"""TokenLayout: spans over the joint sequence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instance_edit.attention import TokenLayout

Grid = tuple[int, int]
GRIDS = st.tuples(st.integers(1, 6), st.integers(1, 6))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), GRIDS, st.lists(GRIDS, max_size=3))
def test_the_spans_tile_the_sequence_in_order(
    lengths: list[int], grid: Grid, references: list[Grid]
) -> None:
    layout = TokenLayout(tuple(lengths), grid, tuple(references))
    spans = [layout.text_span(n) for n in range(len(lengths))]
    spans += [layout.latent_span]
    spans += [layout.reference_span(r) for r in range(len(references))]
    positions = [i for span in spans for i in range(span.start, span.stop)]
    assert positions == list(range(layout.total))


def test_rows_times_columns_and_every_prompt_and_picture_are_counted() -> None:
    layout = TokenLayout((2, 0, 3), (4, 5), ((6, 7), (1, 2)))
    assert (layout.instances, layout.text_total) == (2, 5)
    assert (layout.latent_tokens, layout.reference_tokens) == (20, (42, 2))
    assert (layout.image_tokens, layout.total) == (64, 69)
    assert [layout.text_span(n) for n in range(3)] == [slice(0, 2), slice(2, 2), slice(2, 5)]
    assert layout.latent_span == slice(5, 25)
    assert [layout.reference_span(r) for r in range(2)] == [slice(25, 67), slice(67, 69)]


def test_a_layout_without_references_has_none() -> None:
    layout = TokenLayout((1,), (1, 1))
    assert layout.reference_grids == layout.reference_tokens == ()
    assert (layout.instances, layout.total) == (0, 2)


def test_lists_are_taken_as_tuples_so_that_equal_layouts_are_equal() -> None:
    layout = TokenLayout([1, 2], [3, 4], [[5, 6]])
    assert layout == TokenLayout((1, 2), (3, 4), ((5, 6),))
    assert hash(layout) == hash(TokenLayout((1, 2), (3, 4), ((5, 6),)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), (2, 2)), "text_lengths"),
        (((1, -1), (2, 2)), "text_lengths"),
        (((1,), (0, 2)), "grid"),
        (((1,), (2, 0)), "grid"),
        (((1,), (2, 2), ((2, 0),)), "grid"),
    ],
)
def test_impossible_layouts_are_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TokenLayout(*arguments)


def test_a_span_that_is_not_there_is_refused() -> None:
    layout = TokenLayout((1, 1), (2, 2), ((2, 2),))
    for number in (-1, 2):
        with pytest.raises(ValueError, match=f"0 .. 1, got {number}"):
            layout.text_span(number)
    for number in (-1, 1):
        with pytest.raises(ValueError, match=f"0 .. 0, got {number}"):
            layout.reference_span(number)
