"""TokenLayout: spans over the joint sequence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instance_edit.attention import TokenLayout

GRIDS = st.tuples(st.integers(1, 6), st.integers(1, 6))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), GRIDS, st.lists(GRIDS, max_size=3))
def test_the_spans_tile_the_sequence_in_order(lengths, grid, references):
    layout = TokenLayout(tuple(lengths), grid, tuple(references))
    spans = [layout.text_span(n) for n in range(len(lengths))]
    spans += [layout.latent_span]
    spans += [layout.reference_span(r) for r in range(len(references))]
    positions = [i for span in spans for i in range(span.start, span.stop)]
    assert positions == list(range(layout.total))


def test_lists_are_taken_as_tuples_so_that_equal_layouts_are_equal():
    layout = TokenLayout([1, 2], [3, 4], [[5, 6]])
    assert layout == TokenLayout((1, 2), (3, 4), ((5, 6),))
    assert hash(layout) == hash(TokenLayout((1, 2), (3, 4), ((5, 6),)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), (2, 2)), "text_lengths"),
        (((1, -1), (2, 2)), "text_lengths"),
        (((1,), (0, 2)), "grid"),
        (((1,), (2, 2), ((2, 0),)), "grid"),
    ],
)
def test_impossible_layouts_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        TokenLayout(*arguments)


def test_a_span_that_is_not_there_is_refused():
    layout = TokenLayout((1, 1), (2, 2), ((2, 2),))
    with pytest.raises(ValueError, match="0 .. 1"):
        layout.text_span(2)
    with pytest.raises(ValueError, match="0 .. 0"):
        layout.reference_span(1)
