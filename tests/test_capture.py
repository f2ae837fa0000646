"""Text attention for a few rows against the whole softmax."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from instance_edit.attention import capture
from instance_edit.attention.capture import (
    mask_rows,
    query_chunks,
    text_attention,
    token_weights,
)
from instance_edit.attention.execute.masks import additive_mask

BATCH, HEADS, TEXT, TOTAL, WIDTH = 2, 3, 5, 17, 8
ROWS = slice(6, 14)


def heads(seed: int, length: int = TOTAL) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(BATCH, HEADS, length, WIDTH, generator=generator)


def naive(q: Tensor, k: Tensor, groups: list[list[int]], added: Tensor, keys: int) -> Tensor:
    """The mean over each group of the softmax over the first `keys` keys, one query at a time."""
    out = torch.zeros(BATCH, HEADS, len(groups), ROWS.stop - ROWS.start)
    for b in range(BATCH):
        for h in range(HEADS):
            for i, query in enumerate(range(ROWS.start, ROWS.stop)):
                logits = [
                    float(q[b, h, query] @ k[b, h, key]) / WIDTH**0.5 + float(added[query, key])
                    for key in range(keys)
                ]
                row = torch.tensor(logits).softmax(0)
                for g, group in enumerate(groups):
                    out[b, h, g, i] = sum(float(row[token]) for token in group) / len(group)
    return out


@pytest.mark.parametrize("renormalise", [False, True])
@pytest.mark.parametrize("chunk", [1, 64 * 2**20])
def test_it_is_the_softmax_over_all_keys_or_over_the_text(
    renormalise: bool, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "CHUNK_BYTES", chunk)
    q, k = heads(0), heads(1)
    groups = [[0, 1], [3]]
    weights = token_weights(groups, TEXT).expand(BATCH, -1, -1)
    added = torch.randn(TOTAL, TOTAL, generator=torch.Generator().manual_seed(2))
    found = text_attention(q, k, ROWS, weights, renormalise=renormalise, mask=added)
    expected = naive(q, k, groups, added, TEXT if renormalise else TOTAL)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_a_bool_mask_over_keys_shuts_them() -> None:
    q, k = heads(0), heads(1)
    open_keys = torch.ones(BATCH, 1, 1, TOTAL, dtype=torch.bool)
    open_keys[1, ..., 2:TEXT] = False
    weights = token_weights([range(TEXT)], TEXT).expand(BATCH, -1, -1)
    found = text_attention(q, k, ROWS, weights, renormalise=True, mask=open_keys)
    torch.testing.assert_close(found, torch.full_like(found, 1 / TEXT))
    first = text_attention(q, k, ROWS, token_weights([[3]], TEXT)[None].expand(2, -1, -1))
    shut = text_attention(
        q, k, ROWS, token_weights([[3]], TEXT)[None].expand(2, -1, -1), mask=open_keys
    )
    torch.testing.assert_close(shut[0], first[0])
    assert not shut[1].any()


def test_fewer_queries_than_keys_are_the_first_of_the_sequence() -> None:
    q, k = heads(0), heads(1)
    weights = token_weights([[0]], TEXT)[None].expand(BATCH, -1, -1)
    short = text_attention(q[:, :, : ROWS.stop], k, ROWS, weights)
    assert torch.equal(short, text_attention(q, k, ROWS, weights))


def test_memory_is_a_chunk_of_queries_whatever_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    plain = Tensor.softmax

    def softmax(self: Tensor, dim: int) -> Tensor:
        sizes.append(self.nbytes)
        return plain(self, dim)

    monkeypatch.setattr(capture, "CHUNK_BYTES", 2**16)
    monkeypatch.setattr(Tensor, "softmax", softmax)
    q = torch.randn(1, 2, 1040, 8)
    text_attention(q, q, slice(16, 1040), token_weights([range(16)], 16)[None])
    assert max(sizes) <= 2**16
    assert sum(sizes) == 4 * 2 * 1024 * 1040


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_softmaxed_in_float32(dtype: torch.dtype) -> None:
    q, k = heads(0).to(dtype), heads(1).to(dtype)
    weights = token_weights([[0, 2]], TEXT)[None].expand(BATCH, -1, -1)
    found = text_attention(q, k, ROWS, weights)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, text_attention(q.float(), k.float(), ROWS, weights))


def test_a_token_named_twice_in_a_group_counts_once() -> None:
    weights = token_weights([[1, 1, 3], [4]], TEXT)
    assert weights.tolist() == [[0.0, 0.5, 0.0, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0]]


def test_a_chunk_holds_as_many_whole_rows_as_fit_and_one_at_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(capture, "CHUNK_BYTES", 100)
    for row_bytes, step in ((33, 3), (34, 2), (100, 1), (101, 1)):
        chunks = list(query_chunks(slice(5, 12), row_bytes))
        assert chunks[0] == slice(5, 5 + step)
        assert [place for c in chunks for place in range(c.start, c.stop)] == list(range(5, 12))


def test_about_64_mebibytes_of_logits_are_held_at_a_time() -> None:
    assert capture.CHUNK_BYTES == 67_108_864


@pytest.mark.parametrize(
    "shape", [(2, 3, 17, 17), (2, 3, 1, 17), (17, 17), (2, 17, 17), (2, 1, 17)]
)
def test_the_rows_of_a_mask_are_its_own_or_the_one_there_is(shape: tuple[int, ...]) -> None:
    mask = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    whole = additive_mask(mask, torch.float64)
    found = mask_rows(mask, ROWS, torch.float64)
    assert found.dtype == torch.float64
    assert torch.equal(found, whole if shape[-2] == 1 else whole[:, :, ROWS])


@pytest.mark.parametrize("groups", [[[]], [[0], [TEXT]], [[-1]], [[0, TEXT]], [[2, -1]]])
def test_a_group_needs_tokens_of_the_text(groups: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="at least one text token"):
        token_weights(groups, TEXT)
