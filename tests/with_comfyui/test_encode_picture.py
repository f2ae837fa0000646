"""Multi-Prompt Encode with the picture itself: sized together with the regions, as a reference."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from instance_edit.host.core_nodes import run_node
from instance_edit.host.picture import Fit
from instance_edit.tests.with_comfyui.core import run_core
from instance_edit.tests.with_comfyui.editing import Editor

SIZES = [(144, 144), (150, 211), (300, 133), (99, 400)]


@pytest.fixture
def editor(pack_nodes: dict[str, type]) -> Editor:
    return Editor(pack_nodes)


@pytest.fixture(scope="module")
def demo(pack_nodes: dict[str, type]) -> tuple[Any, Any, Any]:
    """MODEL, CLIP and VAE of the miniature."""
    return run_node(pack_nodes["InstanceEditDemoModelLoader"])


def marked_picture(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A black picture with one white rectangle, and the mask of that: (1, H, W, 3), (1, H, W)."""
    mask = torch.zeros(1, height, width)
    mask[:, height // 3 : height // 3 + 40, width // 4 : width // 4 + 56] = 1
    return mask[..., None].repeat(1, 1, 1, 3), mask


def region_iou(image: torch.Tensor, region: Any) -> float:
    """Of the white in a picture and of the region, both on the picture's pixels."""
    white = image[0, :, :, 0] > 0.5
    mask = torch.nn.functional.interpolate(
        (region.mask > 0)[None, None].float(), white.shape, mode="nearest-exact"
    )[0, 0].bool()
    return float((white & mask).sum() / (white | mask).sum())


@pytest.mark.parametrize(
    ("fit", "size"),
    [
        ("Kontext's sizes", (150, 311)),
        *((fit, size) for fit in ("multiple of 16", "off") for size in SIZES),
    ],
)
def test_regions_follow_the_picture(editor, demo, fit: Fit, size: tuple[int, int]) -> None:
    image, mask = marked_picture(*size)
    regions = editor.regions(["turn it red"], mask)
    outputs = editor.encode_all(demo[1], regions, vae=demo[2], image=image, fit=fit)
    positive, negative, latent, fitted = outputs
    [own] = positive[0][1]["model_conds"]["instance_edit"].cond.regions
    assert region_iou(fitted, own) > (0.9 if fit == "Kontext's sizes" else 0.999)
    if fit == "multiple of 16":
        assert [side % 16 for side in fitted.shape[1:3]] == [0, 0]
    [wanted] = run_core("VAEEncode", vae=demo[2], pixels=fitted)
    assert torch.equal(latent["samples"], wanted["samples"])
    for conditioning in (positive, negative):
        [reference] = conditioning[0][1]["reference_latents"]
        assert torch.equal(reference, wanted["samples"])


@pytest.mark.parametrize(
    ("fit", "size"),
    [("Kontext's sizes", (150, 311)), ("multiple of 16", (150, 211)), ("off", (99, 400))],
)
def test_what_is_drawn_on_the_canvas_follows_the_picture(
    pack_nodes: dict[str, type], editor, demo, fit: Fit, size: tuple[int, int]
) -> None:
    """The same rectangle as a box, and as a polygon: a region with a box and one with a mask."""
    image, mask = marked_picture(*size)
    rows, columns = mask[0].nonzero().T
    x1, x2 = float(columns.min()) / size[1], float(columns.max() + 1) / size[1]
    y1, y2 = float(rows.min()) / size[0], float(rows.max() + 1) / size[0]
    shapes = [
        {"kind": "box", "op": "add", "box": [x1, y1, x2, y2]},
        {"kind": "polygon", "op": "add", "points": [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]},
    ]
    instances = [{"instruction": "turn it red", "shapes": [shape]} for shape in shapes]
    text = json.dumps({"version": 1, "instances": instances})
    regions, drawn_on, *_ = run_node(pack_nodes["InstanceEditCanvas"], canvas=text, image=image)
    outputs = editor.encode_all(demo[1], regions, vae=demo[2], image=drawn_on, fit=fit)
    box, polygon = outputs[0][0][1]["model_conds"]["instance_edit"].cond.regions
    fitted = outputs[3]
    white = fitted[0, :, :, 0] > 0.5
    high, wide = white.shape
    assert region_iou(fitted, polygon) > (0.9 if fit == "Kontext's sizes" else 0.999)
    found = white.nonzero()
    corners = (found[:, 1].min(), found[:, 0].min(), found[:, 1].max() + 1, found[:, 0].max() + 1)
    wanted = [float(place) / side for place, side in zip(corners, (wide, high) * 2, strict=True)]
    assert box.box == pytest.approx(wanted, abs=1.5 / min(high, wide))


def test_kontexts_sizes_are_what_cores_node_makes(editor, demo) -> None:
    image = torch.rand(1, 90, 160, 3, generator=torch.Generator().manual_seed(0))
    regions = editor.regions(["turn it red"], torch.ones(1, 90, 160))
    outputs = editor.encode_all(demo[1], regions, vae=demo[2], image=image, fit="Kontext's sizes")
    [wanted] = run_core("FluxKontextImageScale", image=image)
    assert torch.equal(outputs[3], wanted)


def test_without_a_picture_its_outputs_say_what_is_missing(editor, demo) -> None:
    _, _, latent, image = editor.encode_all(demo[1], editor.regions())
    for output in (latent, image):
        assert "connect 'image' and 'vae'" in output.message


@pytest.mark.parametrize("missing", ["vae", "image"])
def test_a_picture_without_a_vae_is_refused_and_the_reverse(editor, demo, missing) -> None:
    given = {"vae": demo[2], "image": torch.zeros(1, 64, 64, 3), missing: None}
    with pytest.raises(ValueError, match="'image' and 'vae' belong together"):
        editor.encode_all(demo[1], editor.regions(), **given)


def test_a_picture_smaller_than_a_token_is_refused(editor, demo) -> None:
    image, regions = torch.zeros(1, 64, 9, 3), editor.regions(["a"], torch.ones(1, 64, 9))
    with pytest.raises(ValueError, match="at least 16 x 16 pixels, got 9 x 64"):
        editor.encode_all(demo[1], regions, vae=demo[2], image=image)


def test_a_region_that_is_cropped_away_is_refused(editor, demo) -> None:
    mask = torch.zeros(1, 64, 79)
    mask[..., :4] = 1
    with pytest.raises(ValueError, match="wholly in the border|nothing of instance 1"):
        editor.encode_all(
            demo[1], editor.regions(["a"], mask), vae=demo[2], image=torch.zeros(1, 64, 79, 3)
        )


@pytest.mark.parametrize("guidance", [0.0, 2.5])
def test_guidance_is_set_as_flux_guidance_sets_it(editor, demo, guidance: float) -> None:
    outputs = editor.encode_all(demo[1], editor.regions(), guidance=guidance)
    for conditioning in outputs[:2]:
        assert conditioning[0][1].get("guidance") == (guidance or None)


class TestAConditioningAsGlobalPrompt:
    """The global prompt as another encode node made it."""

    def test_it_stands_in_for_the_text_with_all_that_it_carries(
        self, editor, tiny_clip_flux1
    ) -> None:
        regions = editor.regions()
        [core] = run_core("CLIPTextEncode", clip=tiny_clip_flux1, text="a quiet room")
        [core] = run_core("FluxGuidance", conditioning=core, guidance=4.0)
        latent = {"samples": torch.zeros(1, 16, 8, 8)}
        [core] = run_core("ReferenceLatent", conditioning=core, latent=latent)
        text = editor.encode_all(tiny_clip_flux1, regions, "a quiet room")
        taken = editor.encode_all(tiny_clip_flux1, regions, "", conditioning=core)
        for one, other in zip(text[:2], taken[:2], strict=True):
            assert torch.equal(one[0][0], other[0][0])
            assert other[0][1]["guidance"] == 4.0
            assert len(other[0][1]["reference_latents"]) == 1
        pooled = [made[0][0][1]["pooled_output"] for made in (text, taken)]
        assert torch.equal(*pooled)

    def test_it_gets_the_padding_of_flux2_dev(self, editor, tiny_clip_flux2_dev) -> None:
        clip, regions = tiny_clip_flux2_dev, editor.regions()
        [core] = run_core("CLIPTextEncode", clip=clip, text="a quiet room")
        wanted = editor.encode_all(clip, regions, "a quiet room")[0]
        taken = editor.encode_all(clip, regions, "", conditioning=core)[0]
        assert torch.equal(taken[0][0], wanted[0][0])
        spans = [made[0][1]["model_conds"]["instance_edit"].cond for made in (taken, wanted)]
        assert spans[0].words == spans[1].words

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda core: core + core, "one prompt for the whole picture"),
            (lambda core: [[core[0][0].repeat(2, 1, 1), core[0][1]]], "a batch of 2"),
            (
                lambda core: [[core[0][0], {**core[0][1], "attention_mask_img_shape": (1, 1)}]],
                "attention_mask_img_shape",
            ),
        ],
    )
    def test_what_cannot_be_a_global_prompt_is_refused(
        self, editor, tiny_clip_flux1, change, said
    ) -> None:
        [core] = run_core("CLIPTextEncode", clip=tiny_clip_flux1, text="a room")
        with pytest.raises(ValueError, match=said):
            editor.encode_all(tiny_clip_flux1, editor.regions(), "", conditioning=change(core))

    def test_two_global_prompts_are_refused(self, editor, tiny_clip_flux1) -> None:
        [core] = run_core("CLIPTextEncode", clip=tiny_clip_flux1, text="a room")
        with pytest.raises(ValueError, match="came twice"):
            editor.encode_all(tiny_clip_flux1, editor.regions(), "a room", conditioning=core)

    def test_instances_in_it_are_refused(self, editor, tiny_clip_flux1) -> None:
        regions = editor.regions()
        own = editor.encode(tiny_clip_flux1, regions)
        with pytest.raises(ValueError, match="instances of its own"):
            editor.encode_all(tiny_clip_flux1, regions, "", conditioning=own)
