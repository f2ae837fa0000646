"""Decode Regions: what VAE Decode and Composite Background give together, of fewer pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.benchmarks.decode.decode import QUARTER, random_vae
from instance_edit.host.decode import HALO, NORMED, match_tint
from instance_edit.host.demo_model import demo_vae
from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.tests.with_comfyui.core import run_core, run_node

CORNER = InstanceRegion("a", box=Box(0.05, 0.1, 0.2, 0.25))
WHOLE = InstanceRegion("a", box=Box(0, 0, 1, 1))
REACH = 120
"""Pixels that the miniature's convolutions see around one: no halo above it changes anything."""


class Watched:
    """A VAE that notes what it decodes."""

    def __init__(self, vae: Any) -> None:
        self.vae = vae
        self.came: list[tuple[int, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.vae, name)

    def decode(self, samples: Tensor) -> Tensor:
        self.came.append((*samples.shape,))
        return self.vae.decode(samples)


@pytest.fixture(scope="module")
def vaes() -> dict[str, Any]:
    with torch.inference_mode():
        flux = {f"FLUX.{n + 1}": random_vae(bool(n), QUARTER) for n in range(2)}
        return {"miniature": demo_vae(), **flux}


@pytest.fixture(params=["miniature", "FLUX.1", "FLUX.2"])
def vae(request: pytest.FixtureRequest, vaes: dict[str, Any]) -> Iterator[Watched]:
    yield Watched(vaes[request.param])


@pytest.fixture
def miniature(vaes: dict[str, Any]) -> Watched:
    return Watched(vaes["miniature"])


def latent(vae: Any, height: int, width: int, batch: int = 1, seed: int = 0) -> dict[str, Tensor]:
    """A smooth latent of a picture of this size."""
    factor, generator = vae.spacial_compression_decode(), torch.Generator().manual_seed(seed)
    small = torch.randn((batch, vae.latent_channels, 4, 4), generator=generator)
    grid = (height // factor, width // factor)
    return {"samples": torch.nn.functional.interpolate(small, grid, mode="bicubic")}


def picture(height: int, width: int, batch: int = 1) -> Tensor:
    return torch.rand((batch, height, width, 3), generator=torch.Generator().manual_seed(5))


def decode(nodes: dict[str, type], vae: Any, samples: Any, image: Tensor, *regions: Any, **more):
    given = {"grow": 4, "feather": 8, "halo": 0, "match": True, **more}
    node = nodes["InstanceEditDecodeRegions"]
    return run_node(node, samples=samples, vae=vae, image=image, regions=regions, **given)


def whole_way(nodes: dict[str, type], vae: Any, samples: Any, image: Tensor, *regions: Any):
    """VAE Decode and Composite Background."""
    (edited,) = run_core("VAEDecode", vae=vae, samples=samples)
    node = nodes["InstanceEditCompositeBackground"]
    given = {"grow": 4, "feather": 8}
    return run_node(node, source=image, edited=edited, regions=regions, **given)


def test_regions_over_the_whole_picture_are_one_whole_decode(
    pack_nodes: dict[str, type], vae: Watched
) -> None:
    samples, image = latent(vae, 96, 128), picture(96, 128)
    image_out, weight, report = decode(pack_nodes, vae, samples, image, WHOLE)
    wanted, wanted_weight, _ = whole_way(pack_nodes, vae, samples, image, WHOLE)
    assert torch.equal(image_out, wanted) and torch.equal(weight, wanted_weight)
    assert report.startswith("The whole picture was decoded")
    assert vae.came[0] == (*samples["samples"].shape,)


def test_a_halo_over_the_whole_picture_gives_the_pixels_of_a_whole_decode(
    pack_nodes: dict[str, type], vae: Watched
) -> None:
    samples, image = latent(vae, 128, 96), picture(128, 96)
    found = decode(pack_nodes, vae, samples, image, CORNER, halo=4096)
    wanted = whole_way(pack_nodes, vae, samples, image, CORNER)
    assert torch.equal(found[0], wanted[0]) and torch.equal(found[1], wanted[1])


def test_everything_outside_is_the_sources_own_and_little_is_decoded(
    pack_nodes: dict[str, type], vae: Watched
) -> None:
    samples, image = latent(vae, 512, 512), picture(512, 512)
    found, weight, report = decode(pack_nodes, vae, samples, image, CORNER)
    assert torch.equal(found[weight == 0], image[weight == 0])
    assert not torch.equal(found[weight == 1], image[weight == 1])
    [came], factor = vae.came, vae.spacial_compression_decode()
    share = came[-1] * came[-2] * factor**2 / 512**2
    assert f"{share:.0%} of the picture was decoded, in 1 window(s)" in report
    assert share < 0.3


def test_a_vae_that_normalises_over_the_picture_gets_windows_as_large_as_it_was_trained_on(
    pack_nodes: dict[str, type], vaes: dict[str, Any]
) -> None:
    region = InstanceRegion("a", box=Box(0.4, 0.4, 0.5, 0.5))
    for name, side in (("FLUX.1", NORMED), ("FLUX.2", NORMED), ("miniature", 2 * HALO + 80)):
        vae = Watched(vaes[name])
        factor = vae.spacial_compression_decode()
        decode(pack_nodes, vae, latent(vae, 512, 512), picture(512, 512), region)
        assert [came[-2:] for came in vae.came] == [(side // factor,) * 2], name
        vae.came.clear()
        decode(pack_nodes, vae, latent(vae, 512, 512), picture(512, 512), region, halo=16)
        assert [came[-1] * factor for came in vae.came] == [112], name


def test_a_halo_as_wide_as_the_convolutions_reach_changes_nothing(
    pack_nodes: dict[str, type], miniature: Watched
) -> None:
    samples, image = latent(miniature, 480, 480), picture(480, 480)
    wanted = whole_way(pack_nodes, miniature, samples, image, CORNER)[0]
    found = decode(pack_nodes, miniature, samples, image, CORNER, halo=REACH)[0]
    assert miniature.came[-1][-1] < 60
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    chosen = decode(pack_nodes, miniature, samples, image, CORNER)[0]
    assert float((chosen - wanted).abs().max()) < 0.5 / 255


def test_the_wider_the_halo_the_closer_to_a_whole_decode(
    pack_nodes: dict[str, type], miniature: Watched
) -> None:
    samples, image = latent(miniature, 320, 320), picture(320, 320)
    wanted, weight, _ = whole_way(pack_nodes, miniature, samples, image, CORNER)
    found = [
        decode(pack_nodes, miniature, samples, image, CORNER, halo=halo)[0] for halo in (1, 16, 48)
    ]
    gaps = [float((one - wanted)[weight > 0].abs().mean()) for one in found]
    assert gaps[0] > 2 * gaps[1] and gaps[1] > gaps[2]


@pytest.mark.parametrize("size", [(165, 203), (161, 210)])
def test_a_source_of_odd_size_keeps_what_vae_encode_had_cut(
    pack_nodes: dict[str, type], vae: Watched, size: tuple[int, int]
) -> None:
    image, factor = picture(*size), vae.spacial_compression_decode()
    samples = latent(vae, *(side // factor * factor for side in size))
    found, weight, report = decode(pack_nodes, vae, samples, image, CORNER, halo=4096)
    wanted, wanted_weight, _ = whole_way(pack_nodes, vae, samples, image, CORNER)
    assert torch.equal(found, wanted) and torch.equal(weight, wanted_weight)
    assert "where the source had been cropped" in report
    assert found.shape == image.shape and torch.equal(found[weight == 0], image[weight == 0])


def test_regions_that_lie_apart_are_decoded_apart(
    pack_nodes: dict[str, type], miniature: Watched
) -> None:
    far = InstanceRegion("b", box=Box(0.8, 0.8, 0.9, 0.9))
    samples, image = latent(miniature, 640, 640), picture(640, 640)
    report = decode(pack_nodes, miniature, samples, image, CORNER, far)[2]
    assert len(miniature.came) == 2 and "in 2 window(s)" in report


@pytest.mark.parametrize("name", ["FLUX.1", "FLUX.2"])
def test_a_windows_tint_is_matched_to_the_source_around_the_regions(
    pack_nodes: dict[str, type], vaes: dict[str, Any], name: str
) -> None:
    """The source is what the VAE makes of its latent, as a trained one nearly does."""
    vae = Watched(vaes[name])
    before, after = latent(vae, 384, 384), latent(vae, 384, 384)
    first, last = (side * 384 // vae.spacial_compression_decode() // 16 for side in (2, 3))
    after["samples"][..., first:last, first:last] *= -1
    (source,) = run_core("VAEDecode", vae=vae, samples=before)
    region = InstanceRegion("a", box=Box(0.125, 0.125, 0.1875, 0.1875))
    wanted, weight, _ = whole_way(pack_nodes, vae, after, source, region)
    ways = [
        decode(pack_nodes, vae, after, source, region, match=match)[0] for match in (False, True)
    ]
    gaps = [float((found - wanted)[weight == 1].abs().mean()) for found in ways]
    assert gaps[1] < gaps[0]


def test_a_shift_is_the_median_of_what_is_seen_beside_what_is_taken() -> None:
    source = torch.full((2, 3, 3, 3), 0.5)
    source[1] = 0.7
    pixels = torch.full((1, 3, 3, 3), 0.25)
    pixels[0, 0, 0], pixels[0, 0, 1] = 1.0, torch.nan
    pixels[0, 1, 1] = 0.0
    untouched = torch.ones(3, 3, dtype=torch.bool)
    untouched[1, 1] = False
    found = match_tint(pixels, source, untouched)
    torch.testing.assert_close(found[:, 1, 1], torch.tensor([[0.25] * 3, [0.45] * 3]))
    assert bool((found[:, 0, 0] == 1).all()) and bool(found[:, 0, 1].isnan().all())
    assert match_tint(pixels, source, untouched & False) is pixels
