"""The previews: pictures and words about regions and biases, drawn by the real nodes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from instance_edit.attention.prompt_spans import PromptSpans
from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.nodes.host import attach_spans
from instance_edit.nodes.pictures import HEAT, heat_colour, readable_on, shorten
from instance_edit.nodes.pictures import font as load_font
from instance_edit.nodes.pictures_bias import CELL, LABELS, MARGIN, MATRIX_TOP, ROW, share_word
from instance_edit.tests.with_comfyui.core import run_node

PICTURE = torch.rand(1, 96, 128, 3, generator=torch.Generator().manual_seed(0))


def two_regions() -> tuple[InstanceRegion, ...]:
    return (
        InstanceRegion("make the cat a fox", box=Box(0.0, 0.0, 0.5, 0.5)),
        InstanceRegion("remove the dog", box=Box(0.5, 0.5, 1.0, 1.0), strength=2.0),
    )


def conditioning(regions: tuple[InstanceRegion, ...], tokens: int = 5):
    spans = PromptSpans(
        (3, *[tokens] * len(regions)), tuple(region.instruction for region in regions)
    )
    text = torch.zeros(1, sum(spans.lengths), 8)
    extras = {"reference_latents": [torch.zeros(1, 16, 12, 16)]}
    return attach_spans([[text, extras]], spans)


def idattn(pack_nodes, regions, **thirds: str):
    choice = {"early": "har", "middle": "dis", "late": "har", **thirds}
    (bias,) = run_node(
        pack_nodes["InstanceEditBuildBias"],
        regions=regions,
        method={"method": "IDAttn", **choice},
        overlap="shared",
        start=0.0,
        end=1.0,
        blocks="",
    )
    return bias


def preview_bias(pack_nodes, bias, **inputs) -> torch.Tensor:
    (pages,) = run_node(
        pack_nodes["InstanceEditPreviewBias"], **{"bias": bias, "first_instance": 1, **inputs}
    )
    return pages


def cell_colour(page: torch.Tensor, row: int, column: int) -> list[int]:
    x = MARGIN + LABELS + column * CELL + 6
    y = MATRIX_TOP + 50 + row * ROW + 6
    return (page[y, x] * 255).round().int().tolist()


def test_a_page_per_kind_of_bias_each_1024_wide(pack_nodes) -> None:
    bias = idattn(pack_nodes, two_regions())
    pages = preview_bias(pack_nodes, bias, image=PICTURE)
    assert pages.shape[0] == 2 and pages.shape[2:] == (1024, 3)
    alone = preview_bias(pack_nodes, idattn(pack_nodes, two_regions(), middle="har"), image=PICTURE)
    assert alone.shape[0] == 1


def test_the_matrix_shows_what_dis_shuts_and_har_opens(pack_nodes) -> None:
    har, dis = preview_bias(pack_nodes, idattn(pack_nodes, two_regions()), image=PICTURE)
    shut, open_ = HEAT[0].tolist(), HEAT[-1].tolist()
    l_n, t_g, t_n, t_m, others = 2, 0, 1, 2, 4
    assert cell_colour(har, l_n, t_g) == open_ and cell_colour(dis, l_n, t_g) == shut
    assert cell_colour(har, l_n, others) == open_ and cell_colour(dis, l_n, others) == shut
    for page in (har, dis):
        assert cell_colour(page, l_n, t_n) == open_ and cell_colour(page, l_n, t_m) == shut


def test_the_page_grows_with_its_instances_and_starts_where_asked(pack_nodes) -> None:
    boxes = [Box(x / 20, 0, (x + 1) / 20, 1) for x in range(16)]
    regions = tuple(InstanceRegion(f"edit {n}", box=box) for n, box in enumerate(boxes))
    bias = idattn(pack_nodes, regions)
    first, few = (preview_bias(pack_nodes, bias, image=PICTURE, first_instance=n) for n in (1, 15))
    assert few.shape[1] < first.shape[1]
    last = preview_bias(pack_nodes, bias, image=PICTURE, first_instance=999)
    assert last.shape[1] == few.shape[1]


def test_prompts_and_references_of_the_conditioning_change_the_page(pack_nodes) -> None:
    regions = two_regions()
    bias = idattn(pack_nodes, regions)
    assumed = preview_bias(pack_nodes, bias, image=PICTURE)
    real = preview_bias(pack_nodes, bias, image=PICTURE, conditioning=conditioning(regions))
    assert assumed.shape == real.shape and not torch.equal(assumed, real)
    without_image = preview_bias(pack_nodes, bias, conditioning=conditioning(regions))
    assert without_image.shape[2:] == (1024, 3)


def test_a_conditioning_of_other_regions_is_refused(pack_nodes) -> None:
    bias = idattn(pack_nodes, two_regions())
    with pytest.raises(ValueError, match="Connect the same regions"):
        preview_bias(pack_nodes, bias, conditioning=conditioning(two_regions()[:1]))
    plain = [[torch.zeros(1, 4, 8), {}]]
    with pytest.raises(ValueError, match="Multi-Prompt Encode"):
        preview_bias(pack_nodes, bias, conditioning=plain)


def test_the_heat_scale_rises_in_brightness_so_that_every_eye_can_order_it() -> None:
    colours = heat_colour(torch.linspace(0, 1, 50)).astype(float)
    brightness = colours @ np.array([0.299, 0.587, 0.114])
    assert (np.diff(brightness) > 0).all()
    assert heat_colour(torch.tensor([-1.0, 7.0])).tolist() == [HEAT[0].tolist(), HEAT[-1].tolist()]


def test_words_on_the_page_say_what_a_factor_means() -> None:
    assert [share_word(v) for v in (0.0, 0.31, 1.0, 2.0)] == ["shut", "31%", "open", "200%"]
    assert readable_on((0, 34, 78)) != readable_on((254, 232, 56))
    face = load_font(16)
    cut = shorten("a very long instruction " * 9, face, 120)
    assert cut.endswith("...") and face.getlength(cut) <= 130
