"""Otsu's threshold against scikit-image and against its definition."""

from __future__ import annotations

import pytest
import torch
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


@pytest.mark.parametrize("count", [2, 3, 7, 40])
def test_no_other_split_separates_the_means_better(count: int) -> None:
    values = torch.rand(count, generator=torch.Generator().manual_seed(count))

    def between(threshold: float) -> float:
        upper, lower = values[values > threshold], values[values <= threshold]
        if not len(upper) or not len(lower):
            return -1.0
        share = len(upper) / count
        return share * (1 - share) * float(upper.mean() - lower.mean()) ** 2

    found = between(float(otsu_threshold(values)))
    assert found >= max(between(float(value)) for value in values) - 1e-9


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


@pytest.mark.parametrize("values", [torch.zeros(0), torch.tensor([1.0, float("nan")])])
def test_no_values_or_nan_are_refused(values: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="at least one value, all finite"):
        otsu_threshold(values)
