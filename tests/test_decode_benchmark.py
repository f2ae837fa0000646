"""The benchmark of decoding measures what it says it does."""

from __future__ import annotations

import pytest
import torch

from instance_edit.benchmarks.decode.jobs import photograph, touched_regions
from instance_edit.mask_ops.regions import rasterise


@pytest.mark.parametrize("number", [1, 8])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.25, 0.5, 1.0])
def test_the_boxes_touch_the_share_that_they_say(number: int, share: float) -> None:
    masks = rasterise(touched_regions(number, share), (1600, 1600))
    assert len(masks) == number and int(masks.sum(0).max()) == 1
    assert float(masks.any(0).float().mean()) == pytest.approx(share, rel=0.08)


def test_the_photograph_is_a_picture() -> None:
    image = photograph(64)
    assert image.shape == (1, 64, 64, 3) and image.dtype == torch.float32
    assert float(image.min()) >= 0 and float(image.max()) <= 1 and float(image.std()) > 0.1
