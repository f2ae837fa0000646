"""The previews: pictures and words about regions and biases, drawn by the real nodes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from instance_edit.host.carrier import attach_spans
from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.pictures.bias import (
    ACTIVE,
    CELL,
    LABELS,
    MARGIN,
    MATRIX_TOP,
    ROW,
    STRIP,
    WIDTH,
    share_word,
)
from instance_edit.pictures.letters import font as load_font
from instance_edit.pictures.marks import HEAT, heat_colour, readable_on, shorten
from instance_edit.prompts.spans import PromptSpans
from instance_edit.tests.with_comfyui.comfyui import ModelPatcher
from instance_edit.tests.with_comfyui.core import Conditioning, run_node
from instance_edit.tests.with_comfyui.editing import method_inputs

Regions = tuple[InstanceRegion, ...]
PICTURE = torch.rand(1, 96, 128, 3, generator=torch.Generator().manual_seed(0))


def two_regions() -> Regions:
    return (
        InstanceRegion("make the cat a fox", box=Box(0.0, 0.0, 0.5, 0.5)),
        InstanceRegion("remove the dog", box=Box(0.5, 0.5, 1.0, 1.0), strength=2.0),
    )


def conditioning(regions: Regions, tokens: int = 5) -> Conditioning:
    spans = PromptSpans(
        (3, *[tokens] * len(regions)), tuple(region.instruction for region in regions)
    )
    text = torch.zeros(1, sum(spans.lengths), 8)
    extras = {"reference_latents": [torch.zeros(1, 16, 12, 16)]}
    return attach_spans([[text, extras]], spans)


def idattn(pack_nodes: dict[str, type], regions: Regions, blocks: str = "", **thirds: str) -> Any:
    (bias,) = run_node(
        pack_nodes["InstanceEditBuildBias"],
        regions=regions,
        method=method_inputs("IDAttn", **thirds),
        overlap="shared",
        start=0.0,
        end=1.0,
        blocks=blocks,
    )
    return bias


def preview_bias(pack_nodes: dict[str, type], bias: Any, **inputs: Any) -> torch.Tensor:
    (pages,) = run_node(
        pack_nodes["InstanceEditPreviewBias"], **{"bias": bias, "first_instance": 1, **inputs}
    )
    return pages


def strip_colour(page: torch.Tensor, share: float) -> tuple[int, ...]:
    """Colour of the strip of blocks at a share of its width, above the words in it."""
    pixel = page[STRIP[0] + 3, MARGIN + round(share * (WIDTH - 2 * MARGIN))]
    return tuple((pixel * 255).round().int().tolist())


def cell_colour(page: torch.Tensor, row: int, column: int) -> list[int]:
    x = MARGIN + LABELS + column * CELL + 6
    y = MATRIX_TOP + 50 + row * ROW + 6
    return (page[y, x] * 255).round().int().tolist()


def test_a_page_per_kind_of_bias_each_1024_wide(pack_nodes: dict[str, type]) -> None:
    bias = idattn(pack_nodes, two_regions())
    pages = preview_bias(pack_nodes, bias, image=PICTURE)
    assert pages.shape[0] == 2 and pages.shape[2:] == (1024, 3)
    alone = preview_bias(pack_nodes, idattn(pack_nodes, two_regions(), middle="har"), image=PICTURE)
    assert alone.shape[0] == 1


def test_the_matrix_shows_what_dis_shuts_and_har_opens(pack_nodes: dict[str, type]) -> None:
    har, dis = preview_bias(pack_nodes, idattn(pack_nodes, two_regions()), image=PICTURE)
    shut, open_ = HEAT[0].tolist(), HEAT[-1].tolist()
    l_n, t_g, t_n, t_m, others = 2, 0, 1, 2, 4
    assert cell_colour(har, l_n, t_g) == open_ and cell_colour(dis, l_n, t_g) == shut
    assert cell_colour(har, l_n, others) == open_ and cell_colour(dis, l_n, others) == shut
    for page in (har, dis):
        assert cell_colour(page, l_n, t_n) == open_ and cell_colour(page, l_n, t_m) == shut


def test_the_page_grows_with_its_instances_and_starts_where_asked(
    pack_nodes: dict[str, type],
) -> None:
    boxes = [Box(x / 20, 0, (x + 1) / 20, 1) for x in range(16)]
    regions = tuple(InstanceRegion(f"edit {n}", box=box) for n, box in enumerate(boxes))
    bias = idattn(pack_nodes, regions)
    first, few = (preview_bias(pack_nodes, bias, image=PICTURE, first_instance=n) for n in (1, 15))
    assert few.shape[1] < first.shape[1]
    last = preview_bias(pack_nodes, bias, image=PICTURE, first_instance=999)
    assert last.shape[1] == few.shape[1]


def test_prompts_and_references_of_the_conditioning_change_the_page(
    pack_nodes: dict[str, type],
) -> None:
    regions = two_regions()
    bias = idattn(pack_nodes, regions)
    assumed = preview_bias(pack_nodes, bias, image=PICTURE)
    real = preview_bias(pack_nodes, bias, image=PICTURE, conditioning=conditioning(regions))
    assert assumed.shape == real.shape and not torch.equal(assumed, real)
    without_image = preview_bias(pack_nodes, bias, conditioning=conditioning(regions))
    assert without_image.shape[2:] == (1024, 3)


def test_the_strip_shows_the_blocks_of_the_model_that_is_connected(
    pack_nodes: dict[str, type], flux1_deep: ModelPatcher
) -> None:
    bias = idattn(pack_nodes, two_regions(), blocks="har 0-2, dis 3-5")
    har, dis = preview_bias(pack_nodes, bias, image=PICTURE)
    deep_har, deep_dis = preview_bias(pack_nodes, bias, image=PICTURE, model=flux1_deep)
    for page, seen in ((har, 0.25), (dis, 0.75), (deep_har, 0.2), (deep_dis, 0.5)):
        assert strip_colour(page, seen) == ACTIVE
    assert ACTIVE not in (strip_colour(page, 0.85) for page in (deep_har, deep_dis))


def test_a_schedule_that_apply_would_refuse_is_refused_in_the_preview(
    pack_nodes: dict[str, type], flux1_deep: ModelPatcher
) -> None:
    deeper = idattn(pack_nodes, two_regions(), blocks="har 0-18, dis 19-37")
    preview_bias(pack_nodes, deeper, image=PICTURE)
    with pytest.raises(ValueError, match="past the last of the model's 9 blocks"):
        preview_bias(pack_nodes, deeper, image=PICTURE, model=flux1_deep)
    double = idattn(pack_nodes, two_regions(), blocks="har 0-4, dis 0%-100%")
    with pytest.raises(ValueError, match="overlap"):
        preview_bias(pack_nodes, double, image=PICTURE, model=flux1_deep)


def test_a_conditioning_of_other_regions_is_refused(pack_nodes: dict[str, type]) -> None:
    bias = idattn(pack_nodes, two_regions())
    with pytest.raises(ValueError, match="Connect the same regions"):
        preview_bias(pack_nodes, bias, conditioning=conditioning(two_regions()[:1]))
    plain = [[torch.zeros(1, 4, 8), {}]]
    with pytest.raises(ValueError, match="Multi-Prompt Encode"):
        preview_bias(pack_nodes, bias, conditioning=plain)


def test_the_heat_scale_rises_in_brightness_so_that_every_eye_can_order_it() -> None:
    brightness = heat_colour(torch.linspace(0, 1, 50)).float() @ torch.tensor([0.299, 0.587, 0.114])
    assert (brightness.diff() > 0).all()
    assert heat_colour(torch.tensor([-1.0, 7.0])).tolist() == [HEAT[0].tolist(), HEAT[-1].tolist()]


def test_words_on_the_page_say_what_a_factor_means() -> None:
    assert [share_word(v) for v in (0.0, 0.31, 1.0, 2.0)] == ["shut", "31%", "open", "200%"]
    assert readable_on((0, 34, 78)) != readable_on((254, 232, 56))
    face = load_font(16)
    cut = shorten("a very long instruction " * 9, face, 120)
    assert cut.endswith("...") and face.getlength(cut) <= 130


def preview_regions(
    pack_nodes: dict[str, type],
    regions: Regions,
    image: torch.Tensor = PICTURE,
    token_grid: bool = False,
    **inputs: Any,
) -> tuple[Any, ...]:
    return run_node(
        pack_nodes["InstanceEditPreviewRegions"],
        image=image,
        regions=regions,
        token_grid=token_grid,
        **inputs,
    )


def test_the_picture_of_regions_carries_its_report_underneath(pack_nodes: dict[str, type]) -> None:
    picture, report = preview_regions(pack_nodes, two_regions())
    assert picture.shape[2] == 1024 and picture.shape[1] > 768
    assert report.startswith("2 instance(s) on 8 x 6 tokens cover 50% of the picture")
    assert "remove the dog" in report


def test_regions_are_drawn_at_their_place_and_the_grid_on_request(
    pack_nodes: dict[str, type],
) -> None:
    grey = torch.full((1, 96, 128, 3), 0.5)
    mask = torch.zeros(96, 128)
    mask[20:40, 70:100] = 1
    regions = (InstanceRegion("here", mask=mask),)
    plain, _ = preview_regions(pack_nodes, regions, image=grey)
    touched = (plain[0, :768] - 0.5).abs().amax(-1) > 0.02
    assert touched[160:320, 560:800].float().mean() > 0.9
    assert not touched[350:, :].any() and not touched[:, :550].any()
    tokens, _ = preview_regions(pack_nodes, regions, image=grey, token_grid=True)
    assert ((tokens[0, :768] - 0.5).abs().amax(-1) > 0.02)[600:, :].any()


def test_the_report_counts_tokens_and_bytes_when_it_can(pack_nodes: dict[str, type]) -> None:
    regions = two_regions()
    bias = idattn(pack_nodes, regions)
    _, report = preview_regions(pack_nodes, regions, conditioning=conditioning(regions), bias=bias)
    assert "5 text tokens: make the cat a fox" in report
    assert "Tokens: 13 text (3 of them global) + 48 result + 48 reference = 109." in report
    assert "The bias takes 0.0" in report and "(as full matrices: 0.1 MB)" in report


def test_no_regions_are_refused(pack_nodes: dict[str, type]) -> None:
    with pytest.raises(ValueError, match="at least one Instance Region"):
        preview_regions(pack_nodes, ())


def test_composite_background_keeps_the_sources_pixels_and_says_what_changed(
    pack_nodes: dict[str, type],
) -> None:
    edited = 1 - PICTURE
    result, mask, report = run_node(
        pack_nodes["InstanceEditCompositeBackground"],
        source=PICTURE,
        edited=edited,
        regions=two_regions()[:1],
        grow=0,
        feather=4,
    )
    assert result.shape == PICTURE.shape and mask.shape == (1, 96, 128)
    assert torch.equal(result[:, 60:, 80:], PICTURE[:, 60:, 80:])
    assert torch.equal(result[:, :40, :60], edited[:, :40, :60])
    assert report.startswith("71% of the picture lies outside the regions.")


def test_composite_background_takes_an_edit_of_another_size(pack_nodes: dict[str, type]) -> None:
    result, *_ = run_node(
        pack_nodes["InstanceEditCompositeBackground"],
        source=PICTURE,
        edited=torch.zeros(1, 48, 64, 3),
        regions=two_regions(),
        grow=0,
        feather=0,
    )
    assert result.shape == PICTURE.shape
    assert torch.equal(result[:, 50:, :60], PICTURE[:, 50:, :60])


def test_the_preview_finds_what_lies_beside_its_object_and_what_cannot_be_drawn(
    pack_nodes: dict[str, type],
) -> None:
    mask = torch.zeros(40, 120)
    mask[10:30, 20:60] = 1
    regions = (InstanceRegion("make it \ue124", mask=mask),)
    _, report = preview_regions(pack_nodes, regions)
    assert "Put Fit Regions between them" in report
    assert "Instance 1 has letters that no font on this machine can draw (\ue124)" in report
    odd = torch.zeros(1, 90, 121, 3)
    assert "VAE Encode crops it" in preview_regions(pack_nodes, two_regions(), image=odd)[1]
    one = torch.zeros(1, 1, 1, 3)
    whole = (InstanceRegion("all", box=Box(0, 0, 1, 1)),)
    assert "takes in the whole picture" in preview_regions(pack_nodes, whole, image=one)[1]


def test_masks_for_another_number_of_pictures_are_refused(pack_nodes: dict[str, type]) -> None:
    regions = (InstanceRegion("a", mask=torch.ones(2, 8, 8)),)
    pages, _ = preview_regions(pack_nodes, regions)
    assert len(pages) == 2
    with pytest.raises(ValueError, match="3 of 'image', 2 of 'masks'"):
        preview_regions(pack_nodes, regions, image=PICTURE.repeat(3, 1, 1, 1))


def test_the_preview_says_where_a_mask_hugs_its_object_until_it_grows(
    pack_nodes: dict[str, type],
) -> None:
    mask = torch.zeros(96, 128)
    mask[30:60, 40:90] = 1
    picture = 0.3 + 0.6 * mask[None, ..., None].expand(1, 96, 128, 3)
    region = InstanceRegion("make it round", mask=mask.bool())
    for room, hugs in ((0, True), (8, False)):
        _, report = preview_regions(pack_nodes, (region.grown(room),), image=picture)
        assert ("Instance 1 hugs its object: 100% of its outline" in report) is hugs
