"""Redo: one instance's seed, words or shape change, and the others stay bit for bit."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from instance_edit.mask_ops.boxes import Box
from instance_edit.mask_ops.regions import InstanceRegion
from instance_edit.tests.with_comfyui.comfyui import sample as core_sample
from instance_edit.tests.with_comfyui.core import (
    random_latent,
    reference,
    run_core,
    run_node,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor, idattn

LEFT = InstanceRegion("a red cat", box=Box(0, 0, 0.5, 0.5), seed=11)
RIGHT = InstanceRegion("a big dog", box=Box(0.5, 0.5, 1, 1), seed=12)
SIZE, LENGTH = 8, 40
CHANGES: dict[str, dict[str, Any]] = {
    "seed": {"seed": 13},
    "no seed": {"seed": None},
    "words": {"instruction": "two small green birds on a very long branch"},
    "shape": {"box": Box(0.5, 0.25, 0.75, 1)},
    "strength": {"strength": 0.25},
}
MODELS = {"flux1": "tiny_clip_flux1", "flux2": "tiny_clip_klein"}


class Studio:
    """One model, its text encoder, and an edit of two instances under dis."""

    def __init__(self, nodes: dict[str, type], model: Any, clip: Any) -> None:
        self.nodes, self.clip, self.editor = nodes, clip, Editor(nodes)
        bias = run_node(
            nodes["InstanceEditBuildBias"], method=dict(idattn()), overlap="shared", start=0.0,
            end=1.0, blocks="",
        )[0]  # fmt: skip
        self.model = self.editor.apply(model, bias)
        self.latent = random_latent(model, SIZE, SIZE)

    def encode(self, *regions: InstanceRegion, length: int | None = LENGTH) -> Any:
        """With so many tokens of text per instruction; None: as many as its words have."""
        return reference(self.editor.encode(self.clip, regions, length=length), self.latent)

    def noise(self, conditioning: Any, seed: int = 5) -> Any:
        node = self.nodes["InstanceEditNoise"]
        return run_node(node, model=self.model, conditioning=conditioning, noise_seed=seed)

    def edit(self, *regions: InstanceRegion, seed: int = 5, length: int | None = LENGTH) -> Tensor:
        """(C, H, W), by KSampler."""
        conditioning = self.encode(*regions, length=length)
        model = self.noise(conditioning)[1]
        return sample(model, conditioning, conditioning, self.latent, steps=2, seed=seed)[0]


@pytest.fixture(params=list(MODELS))
def studio(request: pytest.FixtureRequest, pack_nodes: dict[str, type]) -> Studio:
    model = request.getfixturevalue(request.param)
    return Studio(pack_nodes, model, request.getfixturevalue(MODELS[request.param]))


def of_left(latent: Tensor) -> Tensor:
    return latent[..., : SIZE // 2, : SIZE // 2]


def of_right(latent: Tensor) -> Tensor:
    return latent[..., SIZE // 2 :, SIZE // 2 :]


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_in_one_instance_leaves_the_other_as_it_was(
    studio: Studio, change: str
) -> None:
    before = studio.edit(LEFT, RIGHT)
    after = studio.edit(LEFT, replace(RIGHT, **CHANGES[change]))
    assert torch.equal(of_left(after), of_left(before))
    assert not torch.equal(of_right(after), of_right(before))


def test_another_seed_on_the_canvas_redoes_that_instance_alone(studio: Studio) -> None:
    def drawn(*seeds: int | None) -> list[InstanceRegion]:
        places = ([0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1])
        instances = [
            {
                "instruction": f"a cat in {place}",
                "shapes": [{"kind": "box", "op": "add", "box": place}],
                "seed": seed,
            }
            for place, seed in zip(places, seeds, strict=True)
        ]
        text = json.dumps({"version": 1, "instances": instances})
        return run_node(studio.nodes["InstanceEditCanvas"], canvas=text, picture="")[0]

    before, after = (studio.edit(*drawn(None, seed)) for seed in (1, 2))
    assert torch.equal(of_left(after), of_left(before))
    assert not torch.equal(of_right(after), of_right(before))


def test_words_of_another_length_leave_the_other_up_to_rounding(studio: Studio) -> None:
    """Of the model's own products, which have other shapes then."""
    longer = replace(RIGHT, **CHANGES["words"])
    before, after = (studio.edit(LEFT, other, length=None) for other in (RIGHT, longer))
    torch.testing.assert_close(of_left(after), of_left(before), rtol=1e-4, atol=1e-4)


def test_the_seed_of_the_picture_changes_no_instance_that_has_its_own(studio: Studio) -> None:
    before, after = (studio.edit(LEFT, RIGHT, seed=seed) for seed in (5, 6))
    assert torch.equal(of_left(after), of_left(before))
    assert not torch.equal(after, before)


def test_without_seeds_the_noise_is_the_pictures(studio: Studio) -> None:
    plain = [replace(region, seed=None) for region in (LEFT, RIGHT)]
    conditioning = studio.encode(*plain)
    noise, _ = studio.noise(conditioning)
    wanted = core_sample.prepare_noise(studio.latent["samples"], 5)
    assert noise.seed == 5 and torch.equal(noise.generate_noise(studio.latent), wanted)
    alone = sample(studio.model, conditioning, conditioning, studio.latent, steps=2, seed=5)[0]
    assert torch.equal(studio.edit(*plain), alone)


def test_samplers_with_a_noise_input_get_the_same(studio: Studio) -> None:
    conditioning = studio.encode(LEFT, RIGHT)
    noise, patched = studio.noise(conditioning)
    for model in (studio.model, patched):
        (guider,) = run_core("BasicGuider", model=model, conditioning=conditioning)
        (sampler,) = run_core("KSamplerSelect", sampler_name="euler")
        (sigmas,) = run_core(
            "BasicScheduler", model=model, scheduler="simple", steps=2, denoise=1.0
        )
        sampled = run_core(
            "SamplerCustomAdvanced", noise=noise, guider=guider, sampler=sampler, sigmas=sigmas,
            latent_image=studio.latent,
        )[0]["samples"][0]  # fmt: skip
        assert torch.equal(sampled, studio.edit(LEFT, RIGHT))


def test_each_token_of_an_instance_has_its_own_noise_and_no_other(studio: Studio) -> None:
    wide = replace(RIGHT, box=Box(0.5, 0.5, 0.76, 0.76))  # a token that it only touches is its own
    noise = studio.noise(studio.encode(LEFT, wide))[0].generate_noise(studio.latent)[0]
    samples = studio.latent["samples"]
    base, left, right = (core_sample.prepare_noise(samples, seed)[0] for seed in (5, 11, 12))
    assert torch.equal(of_left(noise), of_left(left))
    assert torch.equal(noise[:, :4, 4:], base[:, :4, 4:])
    side = 8 if studio.model.model.diffusion_model.patch_size == 2 else 7
    assert torch.equal(noise[:, 4:side, 4:side], right[:, 4:side, 4:side])
    assert torch.equal(noise[:, side:, side:], base[:, side:, side:])


def test_every_picture_of_a_batch_has_noise_at_its_own_places(studio: Studio) -> None:
    masks = torch.zeros(2, 8, 8)
    masks[0, :4, :4] = 1
    masks[1, 4:, 4:] = 1
    region = InstanceRegion("a red cat", mask=masks, seed=11)
    latent = {"samples": studio.latent["samples"].repeat(2, 1, 1, 1)}
    noise = studio.noise(studio.encode(region))[0].generate_noise(latent)
    base, own = (core_sample.prepare_noise(latent["samples"], seed) for seed in (5, 11))
    assert torch.equal(of_left(noise[0]), of_left(own[0]))
    assert torch.equal(of_right(noise[0]), of_right(base[0]))
    assert torch.equal(of_right(noise[1]), of_right(own[1]))
    assert torch.equal(of_left(noise[1]), of_left(base[1]))


def test_a_batch_that_does_not_fit_and_a_plain_prompt_are_refused(studio: Studio) -> None:
    region = InstanceRegion("a red cat", mask=torch.ones(2, 8, 8), seed=11)
    noise = studio.noise(studio.encode(region))[0]
    with pytest.raises(ValueError, match="regions of 2 pictures, but the latent has 1"):
        noise.generate_noise(studio.latent)
    (plain,) = run_core("CLIPTextEncode", clip=studio.clip, text="a cat")
    with pytest.raises(ValueError, match="holds no instances"):
        studio.noise(plain)


def test_a_run_without_noise_gets_none(studio: Studio) -> None:
    conditioning = studio.encode(LEFT, RIGHT)
    results = [
        run_core(
            "KSamplerAdvanced", model=model, add_noise="disable", noise_seed=5, steps=3, cfg=1.0,
            sampler_name="euler", scheduler="simple", positive=conditioning, negative=conditioning,
            latent_image=studio.latent, start_at_step=1, end_at_step=3,
            return_with_leftover_noise="disable",
        )[0]["samples"]
        for model in (studio.model, studio.noise(conditioning)[1])
    ]  # fmt: skip
    assert torch.equal(*results)


def test_the_model_that_went_in_stays_as_it_was(studio: Studio) -> None:
    conditioning = studio.encode(LEFT, RIGHT)
    before = sample(studio.model, conditioning, conditioning, studio.latent, seed=5)
    studio.noise(conditioning)
    assert torch.equal(
        sample(studio.model, conditioning, conditioning, studio.latent, seed=5), before
    )
