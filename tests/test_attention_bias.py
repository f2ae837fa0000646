"""AttentionBias: the structured form against its dense form."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings

from instance_edit.attention import TokenLayout, idattn_bias, mice_bias
from instance_edit.tests.bias_cases import Case, bias_cases, squares


@settings(max_examples=30, deadline=None)
@given(bias_cases())
def test_a_tile_is_a_part_of_the_dense_bias(case: Case) -> None:
    layout, masks, references, owners = case
    bias = mice_bias(layout, masks, reference_masks=references, reference_owners=owners)
    middle = layout.total // 2
    assert torch.equal(bias.tile(slice(middle, None)), bias.dense()[middle:])
    picked = torch.tensor([layout.total - 1, 0])
    assert torch.equal(bias.tile(picked), bias.dense()[picked])


@settings(max_examples=30, deadline=None)
@given(bias_cases())
def test_the_formula_of_the_class_tables_is_the_dense_bias(case: Case) -> None:
    layout, masks, references, owners = case
    bias = idattn_bias(
        layout, masks, kind="dis", reference_masks=references, reference_owners=owners
    )
    dense = bias.dense()
    for q in range(layout.total):
        for k in range(layout.total):
            row = bias.rows[bias.query_class[q], bias.key_group[k]]
            column = bias.columns[bias.key_class[k], bias.query_group[q]]
            assert dense[q, k] == row + column


def test_its_memory_stays_below_a_twentieth_of_the_matrix_at_285_instances() -> None:
    cells = torch.arange(64)
    masks = torch.zeros(285, 64, 64, dtype=torch.bool)
    for n in range(285):
        row, column = divmod(n, 17)
        masks[n] = (cells[:, None] // 4 == row % 16) & (cells // 4 == column % 16)
    layout = TokenLayout((20,) * 286, (64, 64), ((64, 64),))
    assert mice_bias(layout, masks).nbytes < 0.05 * layout.total**2 * 2


def test_a_bias_without_effect_knows_it() -> None:
    layout = TokenLayout((2,), (2, 2))
    assert mice_bias(layout, torch.zeros(0, 2, 2, dtype=torch.bool)).is_zero
    layout, masks = squares()
    assert not mice_bias(layout, masks).is_zero


def test_a_bias_that_only_prompts_or_only_pictures_notice_has_an_effect() -> None:
    layout, masks = squares()
    bias = mice_bias(layout, masks)
    no_rows = replace(bias, rows=torch.zeros_like(bias.rows))
    no_columns = replace(bias, columns=torch.zeros_like(bias.columns))
    assert not no_rows.is_zero and not no_columns.is_zero
    assert replace(no_rows, columns=torch.zeros_like(bias.columns)).is_zero


def test_its_bytes_are_those_of_its_tables_and_indices() -> None:
    layout, masks = squares()
    bias = mice_bias(layout, masks)
    indices = 8 * (2 * bias.queries + 2 * bias.keys)
    assert bias.nbytes == 4 * (bias.rows.numel() + bias.columns.numel()) + indices
    low = bias.to("cpu", torch.bfloat16)
    assert low.nbytes == 2 * (bias.rows.numel() + bias.columns.numel()) + indices
    assert low.tile(slice(0, 3)).dtype == torch.bfloat16
    assert low.dense().dtype == torch.float32


def test_tokens_that_nothing_tells_apart_share_a_group() -> None:
    """All of a prompt's tokens as keys, all reference tokens of one kind as queries of prompts."""
    layout = TokenLayout((2, 5), (3, 3), ((4, 4),))
    masks = torch.zeros(1, 3, 3, dtype=torch.bool)
    masks[0, 0] = True
    bias = mice_bias(layout, masks)
    assert bias.key_group[layout.text_span(1)].unique().tolist() == [1]
    assert bias.key_class[layout.text_span(1)].unique().tolist() == [1]
    reference = bias.query_group[layout.reference_span(0)]
    assert len(reference.unique()) == 2  # inside and outside
    assert bias.columns.shape == (2, 2 + 9 + 2)


def test_repeated_text_repeats_rows_and_columns_of_the_text_only() -> None:
    layout, masks = squares()
    bias = mice_bias(layout, masks)
    text = list(range(layout.text_total))
    order = torch.tensor(text + text + list(range(layout.text_total, layout.total)))
    assert torch.equal(bias.take(order).dense(), bias.dense()[order][:, order])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_lower_precision_keeps_what_is_open_and_what_is_shut(dtype: torch.dtype) -> None:
    layout, masks = squares()
    bias = mice_bias(layout, masks)
    low = bias.to("cpu", dtype)
    assert low.rows.dtype == dtype and low.columns.dtype == dtype
    assert torch.equal(low.dense() == 0, bias.dense() == 0)
    assert torch.equal(low.dense() == -math.inf, bias.dense() == -math.inf)


def test_an_integer_type_is_refused() -> None:
    layout, masks = squares()
    with pytest.raises(ValueError, match="float"):
        mice_bias(layout, masks).to("cpu", torch.int64)
