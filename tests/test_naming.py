"""An error about a region says which instance it is about."""

from __future__ import annotations

import pytest
import torch

from instance_edit.mask_ops.naming import about_instance
from instance_edit.mask_ops.regions import InstanceRegion, rasterise


def test_number_and_words_stand_before_what_is_wrong() -> None:
    wanted = r"^instance 2 \('a red cat'\): it is empty$"
    with pytest.raises(ValueError, match=wanted), about_instance(2, " a red\n cat "):
        raise ValueError("it is empty")
    with pytest.raises(ValueError, match=r"^instance 1: it is empty$"), about_instance(1, ""):
        raise ValueError("it is empty")


def test_long_words_are_cut_and_other_errors_go_through() -> None:
    wanted = r"^instance 3 \('(a cat ){9}a c\.\.\.'\): wrong$"
    with pytest.raises(ValueError, match=wanted), about_instance(3, "a cat " * 30):
        raise ValueError("wrong")
    with pytest.raises(KeyError), about_instance(3, ""):
        raise KeyError


def test_an_instance_that_cannot_be_laid_on_a_grid_is_named() -> None:
    masks = torch.ones(2, 8, 8)
    regions = [InstanceRegion("a cat", mask=masks[0]), InstanceRegion("a dog", mask=masks)]
    with pytest.raises(ValueError, match=r"instance 2 \('a dog'\): its region has masks for 2"):
        rasterise(regions, (4, 4))
