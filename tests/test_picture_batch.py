"""Regions with a mask for each picture, and batches that belong together."""

from __future__ import annotations

import pytest
import torch

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.picture_batch import masks_per_picture, shared_batch
from instance_edit.mask_ops.regions import InstanceRegion

MASKS = torch.zeros(2, 8, 8)
MASKS[0, :4] = 1
BOTH = InstanceRegion("a", box=Box(0, 0, 0.5, 1))


def test_every_picture_has_its_own_masks_and_an_absent_region_is_empty_there() -> None:
    found = masks_per_picture([InstanceRegion("b", mask=MASKS), BOTH], (8, 8))
    assert found.shape == (2, 2, 8, 8)
    assert torch.equal(found[0, 0], MASKS[0] > 0) and not found[1, 0].any()
    assert torch.equal(found[0, 1], found[1, 1]) and found[0, 1].any()
    assert masks_per_picture([BOTH], (8, 8)).shape == (1, 1, 8, 8)


def test_batches_that_do_not_belong_together_are_refused_with_their_counts() -> None:
    two = InstanceRegion("b", mask=MASKS)
    assert shared_batch([two], source=1, edited=2) == 2
    assert shared_batch([BOTH], source=1, edited=1) == 1
    assert shared_batch([BOTH], source=3, edited=1) == 3
    with pytest.raises(ValueError, match="3 of 'source', 2 of 'edited', 1 of 'masks'"):
        shared_batch([BOTH], source=3, edited=2)
    with pytest.raises(ValueError, match="4 of 'edited', 2 of 'masks'"):
        shared_batch([two], source=1, edited=4)
