"""Composite Background: pictures of other sizes, batches, pixels that are no numbers."""

from __future__ import annotations

import types
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.fit import fit_regions
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.tests.with_comfyui.comfyui import sd
from instance_edit.tests.with_comfyui.core import run_core, run_node

LEFT = InstanceRegion("a", box=Box(0.1, 0.1, 0.4, 0.9))


def picture(height: int, width: int, batch: int = 1) -> Tensor:
    small = torch.rand(batch, 3, 9, 9, generator=torch.Generator().manual_seed(height))
    smooth = torch.nn.functional.interpolate(small, (height, width), mode="bilinear")
    return smooth.movedim(1, -1)


def encoded(pixels: Tensor, ratio: int) -> Tensor:
    """What VAE Encode keeps of a picture."""
    vae = types.SimpleNamespace(
        crop_input=True,
        spacial_compression_encode=lambda: ratio,
        output_channels=3,
        pad_channel_value=None,
    )
    return sd.VAE.vae_encode_crop_pixels(vae, pixels)


def paste(
    nodes: dict[str, type], source: Tensor, edited: Tensor, *regions: Any, **inputs: Any
) -> Any:
    given = {"grow": 4, "feather": 8, **inputs}
    node = nodes["InstanceEditCompositeBackground"]
    return run_node(node, source=source, edited=edited, regions=regions or (LEFT,), **given)


@pytest.mark.parametrize("ratio", [8, 16])
@pytest.mark.parametrize("size", [(744, 1000), (743, 1000), (1023, 1023), (100, 61)])
def test_an_edit_that_did_nothing_changes_nothing_at_odd_sizes(
    pack_nodes: dict[str, type], size: tuple[int, int], ratio: int
) -> None:
    source = picture(*size)
    result, weight, report = paste(pack_nodes, source, encoded(source, ratio))
    assert torch.equal(result, source) and bool((weight > 0).any())
    assert "by 0.00 of 255 on average" in report


def test_an_edit_of_another_shape_is_refused_or_put_back_as_chosen(
    pack_nodes: dict[str, type],
) -> None:
    source = picture(200, 600)
    (small,) = run_core(
        "ImageScale", image=source, upscale_method="area", width=200, height=100, crop="center"
    )
    with pytest.raises(ValueError, match="200 x 100 pixels and the source 600 x 200"):
        paste(pack_nodes, source, small)
    drawn = InstanceRegion("a", box=Box(0.3, 0.2, 0.5, 0.8), size=(200, 600))
    [cropped] = fit_regions([drawn], (200, 600), (100, 200))
    for region in (drawn, cropped):
        result, weight, report = paste(pack_nodes, source, small, region, fit="centre crop")
        assert float((result - source).abs().mean()) < 0.002
        assert "at x 100, y 0 as 400 x 200 pixels" in report
        assert not weight[:, :, :100].any() and not weight[:, :, 500:].any()
    stretched, *_ = paste(pack_nodes, source, small, drawn, fit="stretch")
    assert float((stretched - source).abs().mean()) > 0.01


def test_each_picture_of_a_batch_is_pasted_by_its_own_masks(pack_nodes: dict[str, type]) -> None:
    masks = torch.zeros(2, 64, 64)
    masks[0, :32, :32] = masks[1, 32:, 32:] = 1
    region = InstanceRegion("a", mask=masks)
    source, edited = torch.zeros(1, 64, 64, 3), torch.ones(2, 64, 64, 3)
    result, weight, _ = paste(pack_nodes, source, edited, region, grow=0, feather=0)
    assert torch.equal(result[..., 0], masks) and torch.equal(weight, masks)
    one = paste(pack_nodes, source, edited[:1], region, grow=0, feather=0)[0]
    assert torch.equal(one[..., 0], masks)
    for sources, edits in ((3, 2), (2, 4)):
        with pytest.raises(ValueError, match=f"{sources} of 'source', {edits} of 'edited'"):
            paste(pack_nodes, source.repeat(sources, 1, 1, 1), edited[:1].repeat(edits, 1, 1, 1))
    with pytest.raises(ValueError, match="3 of 'edited', 2 of 'masks'"):
        paste(pack_nodes, source, edited[:1].repeat(3, 1, 1, 1), region)


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("scale", [1, 2])
def test_the_sources_pixels_stand_where_the_edit_has_none(
    pack_nodes: dict[str, type], value: float, scale: int
) -> None:
    source = picture(64, 64)
    edited = picture(32, 32) if scale == 2 else picture(32, 32).repeat(1, 2, 2, 1)
    edited[:, 4:8, 4:8] = value  # in the region
    edited[:, 20:24, 28:30] = value  # and far from it
    result, weight, report = paste(pack_nodes, source, edited, grow=0, feather=0)
    assert bool(result.isfinite().all())
    assert torch.equal(result[0][weight[0] == 0], source[0][weight[0] == 0])
    assert torch.equal(result[:, 4 * scale : 8 * scale], result[:, 4 * scale : 8 * scale])
    corner = (0, slice(4 * scale, 8 * scale), slice(4 * scale, 8 * scale))
    assert torch.equal(result[corner], source[corner])
    assert "24 pixel(s) of the edit are NaN or infinite" in report


def test_pictures_of_nothing_but_nan_are_refused(pack_nodes: dict[str, type]) -> None:
    source = picture(32, 32)
    with pytest.raises(ValueError, match="the edit holds nothing but NaN"):
        paste(pack_nodes, source, source * torch.nan)
    with pytest.raises(ValueError, match="the source holds NaN"):
        paste(pack_nodes, source * torch.nan, source)


def test_a_region_of_another_shape_is_named_in_the_report(pack_nodes: dict[str, type]) -> None:
    region = InstanceRegion("a", mask=torch.ones(10, 30))
    report = paste(pack_nodes, picture(64, 64), picture(64, 64), region)[2]
    assert "Instance 1 was drawn on a picture of 30 x 10 pixels" in report


def test_a_picture_of_one_pixel_is_pasted(pack_nodes: dict[str, type]) -> None:
    source, edited = torch.zeros(1, 1, 1, 3), torch.ones(1, 1, 1, 3)
    whole = InstanceRegion("a", box=Box(0, 0, 1, 1))
    assert torch.equal(paste(pack_nodes, source, edited, whole)[0], edited)
