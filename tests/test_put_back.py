"""An edited picture goes back to where it was cut from its source."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from instance_edit.mask_ops.fit import Size, fit_regions
from instance_edit.mask_ops.put_back import (
    cut_out,
    find_place,
    put_back,
    regions_on_source,
    unscaled_place,
)
from instance_edit.mask_ops.regions import InstanceRegion


def noise(height: int, width: int) -> Tensor:
    return torch.rand(1, height, width, 3, generator=torch.Generator().manual_seed(height))


@pytest.mark.parametrize("size", [(743, 1000), (744, 1000), (1023, 1023), (100, 33), (17, 16)])
@pytest.mark.parametrize("multiple", [8, 16, 32])
def test_what_vae_encode_cuts_off_is_the_sources_and_the_rest_lies_where_it_was(
    size: Size, multiple: int
) -> None:
    """Its rule: the largest multiple; half of the rest, rounded down, goes at the top and left."""
    kept = [side // multiple * multiple for side in size]
    if 0 in kept:
        return
    source = noise(*size)
    top, left = (side % multiple // 2 for side in size)
    edited = source[:, top : top + kept[0], left : left + kept[1]]
    place = find_place(size, (kept[0], kept[1]))
    back, inside = put_back(source, edited, place)
    assert torch.equal(back, source)
    assert int(inside.sum()) == kept[0] * kept[1]
    assert ("put back at" in place.words) == (tuple(kept) != size)


def test_an_edit_of_the_sources_shape_is_scaled_to_it() -> None:
    place = find_place((60, 100), (30, 50))
    assert place.window == (0, 0, 60, 100) and "scaled from 50 x 30" in place.words
    back, inside = put_back(noise(60, 100), torch.ones(3, 30, 50, 3), place)
    assert back.shape == (3, 60, 100, 3) and bool(inside.all())
    torch.testing.assert_close(back, torch.ones(3, 60, 100, 3))


def test_another_shape_is_refused_unless_its_way_is_chosen() -> None:
    with pytest.raises(ValueError, match="1392 x 752 pixels and the source 1920 x 1080"):
        find_place((1080, 1920), (752, 1392))
    assert find_place((1080, 1920), (752, 1392), "centre crop").window == (21, 0, 1038, 1920)
    assert find_place((1080, 1920), (752, 1392), "stretch").window == (0, 0, 1080, 1920)
    with pytest.raises(ValueError, match="fit must be one of"):
        find_place((4, 4), (2, 2), "guess")  # type: ignore[arg-type]


def test_a_decoded_picture_lies_on_its_source_unscaled_or_not_at_all() -> None:
    assert unscaled_place((60, 100), (60, 100)).window == (0, 0, 60, 100)
    assert unscaled_place((36, 36), (36, 36)).words == ""  # a VAE of 4 pixels a cell
    source, place = noise(61, 103), unscaled_place((61, 103), (56, 96))
    assert place.window == (2, 3, 56, 96) and "put back at x 3, y 2" in place.words
    assert torch.equal(cut_out(source, place), source[:, 2:58, 3:99])
    for size in ((30, 50), (120, 200), (64, 100)):
        with pytest.raises(ValueError, match="100 x 60 pixels and the image .* VAE Decode and"):
            unscaled_place(size, (60, 100))


def test_regions_that_followed_the_crop_come_back_with_it() -> None:
    mask = torch.zeros(200, 600)
    mask[40:90, 250:330] = 1
    drawn = InstanceRegion("a", mask=mask)
    [cropped] = fit_regions([drawn], (200, 600), (200, 300))
    place = find_place((200, 600), (200, 300), "centre crop")
    back, kept = regions_on_source([cropped, drawn], place)
    assert kept is drawn
    assert torch.equal(back.on_grid((200, 600)), drawn.on_grid((200, 600)))
