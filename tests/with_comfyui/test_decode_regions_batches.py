"""Decode Regions: batches, films, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from instance_edit.host.demo_model import demo_vae
from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.tests.with_comfyui.test_decode_regions import (
    CORNER,
    REACH,
    Watched,
    decode,
    latent,
    picture,
    whole_way,
)

PAINTED = torch.zeros(2, 160, 160)
PAINTED[0, 8:40, 8:40] = PAINTED[1, 120:150, 90:150] = 1


@pytest.fixture(scope="module")
def vae() -> Watched:
    with torch.inference_mode():
        return Watched(demo_vae())


@pytest.mark.parametrize("batches", [(2, 1), (1, 2), (2, 2), (1, 1)])
@pytest.mark.parametrize("region", [CORNER, InstanceRegion("a", mask=PAINTED)], ids=["one", "own"])
def test_batches_come_out_as_from_a_whole_decode(
    pack_nodes: dict[str, type], vae: Any, batches: tuple[int, int], region: InstanceRegion
) -> None:
    samples, image = latent(vae, 160, 160, batches[0]), picture(160, 160, batches[1])
    found, weight, _ = decode(pack_nodes, vae, samples, image, region, halo=REACH)
    wanted, wanted_weight, _ = whole_way(pack_nodes, vae, samples, image, region)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    assert torch.equal(weight, wanted_weight)


def test_each_picture_is_decoded_around_its_own_masks(
    pack_nodes: dict[str, type], vae: Any
) -> None:
    vae.came.clear()
    region = InstanceRegion("a", mask=PAINTED)
    samples, image = latent(vae, 160, 160, 2), picture(160, 160)
    decode(pack_nodes, vae, samples, image, region, halo=8)
    assert [came[0] for came in vae.came] == [1, 1]
    assert vae.came[0][-2:] != vae.came[1][-2:]


def test_a_film_of_one_frame_is_a_picture_and_a_longer_one_is_refused(
    pack_nodes: dict[str, type], vae: Any
) -> None:
    samples, image = latent(vae, 96, 96), picture(96, 96)
    film = {"samples": samples["samples"][:, :, None]}
    wanted = decode(pack_nodes, vae, samples, image, CORNER)[0]
    assert torch.equal(decode(pack_nodes, vae, film, image, CORNER)[0], wanted)
    longer = {"samples": film["samples"].repeat(1, 1, 3, 1, 1)}
    with pytest.raises(ValueError, match="got a film of 3 frames. Use VAE Decode"):
        decode(pack_nodes, vae, longer, image, CORNER)


@pytest.mark.parametrize("size", [(192, 192), (96, 100), (200, 96)])
def test_a_source_of_another_size_is_refused(
    pack_nodes: dict[str, type], vae: Any, size: tuple[int, int]
) -> None:
    said = f"has 96 x 96 pixels and the image {size[1]} x {size[0]} pixels. Connect the picture"
    image = picture(*size)
    if size == (96, 100):  # VAE Encode cuts it to 96 x 96
        assert decode(pack_nodes, vae, latent(vae, 96, 96), image, CORNER)[0].shape == image.shape
        return
    with pytest.raises(ValueError, match=said):
        decode(pack_nodes, vae, latent(vae, 96, 96), image, CORNER)


def test_what_cannot_be_decoded_in_windows_is_refused(
    pack_nodes: dict[str, type], vae: Any
) -> None:
    samples, image = latent(vae, 96, 96), picture(96, 96)
    other = {"samples": samples["samples"].repeat(1, 8, 1, 1)}
    with pytest.raises(ValueError, match="have 128 channels, and this VAE decodes 16"):
        decode(pack_nodes, vae, other, image, CORNER)
    sound = {"samples": samples["samples"][..., 0]}
    with pytest.raises(ValueError, match="got one of sound"):
        decode(pack_nodes, vae, sound, image, CORNER)
    with pytest.raises(ValueError, match="3 of 'samples', 2 of 'image'"):
        decode(pack_nodes, vae, latent(vae, 96, 96, 3), picture(96, 96, 2), CORNER)
    with pytest.raises(ValueError, match="no regions came in"):
        decode(pack_nodes, vae, samples, image)
    edge = InstanceRegion("a", box=Box(0.995, 0, 1, 0.5))
    with pytest.raises(ValueError, match="no region lies on the part of picture 1"):
        decode(pack_nodes, vae, samples, picture(96, 103), edge, grow=0, feather=0)


def test_the_sources_pixels_stand_where_the_vae_gives_none(
    pack_nodes: dict[str, type], vae: Any
) -> None:
    samples, image = latent(vae, 480, 480), picture(480, 480)
    samples["samples"][:, :, 6, 4] = torch.nan
    region = InstanceRegion("a", box=Box(0, 0, 0.9, 0.4))
    found, weight, report = decode(pack_nodes, vae, samples, image, region)
    assert bool(found.isfinite().all()) and bool((weight > 0).any())
    assert torch.equal(found[:, 48, 32], image[:, 48, 32])
    assert "pixel(s) of the edit are NaN or infinite" in report
    with pytest.raises(ValueError, match="the edit holds nothing but NaN"):
        decode(pack_nodes, vae, {"samples": samples["samples"] * torch.nan}, image, region)
    with pytest.raises(ValueError, match="the source holds NaN"):
        decode(pack_nodes, vae, samples, image * torch.nan, region)
