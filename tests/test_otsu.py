"""Otsu's threshold against scikit-image and against its definition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.filters import threshold_otsu

from instance_edit.mask_ops.otsu import otsu_threshold


@pytest.mark.parametrize("seed", range(20))
def test_the_split_is_scikit_images(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    low = torch.randint(0, 120, (200,), generator=generator)
    high = torch.randint(80, 256, (60 + 10 * seed,), generator=generator)
    values = torch.cat([low, high]).to(torch.uint8)
    expected = values > int(threshold_otsu(values.numpy()))
    assert torch.equal(values.float() > otsu_threshold(values.float()), expected)


@given(st.integers(2, 40), st.integers(1, 12), st.integers(0, 2**16))
def test_no_other_split_separates_the_means_better(count: int, levels: int, seed: int) -> None:
    """Few levels, so that many values are equal."""
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(0, levels, (count,), generator=generator) / 7

    def between(threshold: float) -> float:
        upper, lower = (values[some].double() for some in (values > threshold, values <= threshold))
        if not len(upper) or not len(lower):
            return -1.0
        share = len(upper) / count
        return share * (1 - share) * float(upper.mean() - lower.mean()) ** 2

    threshold = float(otsu_threshold(values))
    assert threshold in values.tolist()
    found = between(threshold)
    assert found >= max(between(float(value)) for value in values) - 1e-9


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_sums_over_many_values_are_exact(dtype: torch.dtype) -> None:
    """4,096 tokens around 100: a sum in half precision overflows, one in float32 loses digits."""
    generator = torch.Generator().manual_seed(0)
    values = (100 + torch.randn(4096, generator=generator) / 8).to(dtype)
    assert otsu_threshold(values).double() == otsu_threshold(values.double())


def test_rows_are_thresholded_one_by_one() -> None:
    rows = torch.tensor([[0.0, 0.1, 0.9, 1.0], [5.0, 5.0, 5.0, 6.0]])
    assert torch.equal(otsu_threshold(rows), torch.stack([otsu_threshold(row) for row in rows]))


def test_equal_values_are_never_split() -> None:
    assert float(otsu_threshold(torch.tensor([0.0, 1.0, 1.0, 1.0]))) == 0.0


def test_a_constant_map_has_no_upper_class() -> None:
    rows = torch.stack([torch.full((9,), 0.25), torch.arange(9.0)])
    upper = rows > otsu_threshold(rows)[:, None]
    assert not upper[0].any()
    assert upper[1].any()


def test_a_single_value_is_its_own_lower_class() -> None:
    assert torch.equal(otsu_threshold(torch.tensor([[3.0], [4.0]])), torch.tensor([3.0, 4.0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_the_threshold_is_one_of_the_values_in_their_dtype(dtype: torch.dtype) -> None:
    values = torch.tensor([0.1, 0.2, 0.8, 0.9], dtype=dtype)
    assert otsu_threshold(values).dtype == dtype
    assert torch.equal(otsu_threshold(values), values[1])


@pytest.mark.parametrize(
    "values",
    [
        torch.zeros(0),
        torch.tensor(1.0),
        torch.tensor([1.0, float("nan")]),
        torch.full((3,), torch.inf),
    ],
)
def test_no_values_or_nan_are_refused(values: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="at least one value, all finite"):
        otsu_threshold(values)
